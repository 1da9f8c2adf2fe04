import { LogIn } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { useClient } from "urql";
import { open, useMutationForm } from "@/api";
import { useSession } from "@/app/session";
import { Button, Form, FormBanner, Link, TextField, textOf } from "@/ui";
import { DemoPeople } from "./DemoPeople";
import { SignInFrame } from "./SignInFrame";
import { SIGN_IN } from "./signInMutation";
import { SingleSignOnStart } from "./SingleSignOnStart";

export interface Credentials {
  email: string;
  password: string;
}

/** Mail address and password. */
export function PasswordForm({ onCodeNeeded }: { onCodeNeeded: (credentials: Credentials) => void }) {
  const { t } = useTranslation("sign-in");
  const session = useSession();
  const client = useClient();
  const [address] = useSearchParams();
  const form = useMutationForm(SIGN_IN, {
    payload: (data) => data.signIn,
    fields: ["email", "password"],
    context: open,
    onDone: (answer) => session.begin(answer),
    onRefused: (errors, { email, password }) => {
      if (errors.some(({ code }) => code === "SECOND_FACTOR_REQUIRED")) onCodeNeeded({ email, password });
    },
  });
  const provider = address.get("provider");
  return (
    <SignInFrame title={t("title")} lead={t("lead")}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) => void form.submit({ email: textOf(data, "email"), password: textOf(data, "password") })}
      >
        <FormBanner form={form} />
        <TextField name="email" type="email" label={t("email")} autoComplete="username" isRequired />
        <TextField name="password" type="password" label={t("password")} autoComplete="current-password" isRequired />
        <Button type="submit" kind="primary" isPending={form.isBusy} icon={<LogIn size={16} aria-hidden />}>
          {t("submit")}
        </Button>
      </Form>
      <p>
        <Link to="/reset-password">{t("forgot")}</Link>
      </p>
      {provider !== null && <SingleSignOnStart providerId={provider} next={address.get("next")} />}
      <DemoPeople
        onChoose={({ email, password }) =>
          void client
            .mutation(SIGN_IN, { input: { email, password } }, open)
            .toPromise()
            .then(({ data }) => data && session.begin(data.signIn))
        }
      />
    </SignInFrame>
  );
}

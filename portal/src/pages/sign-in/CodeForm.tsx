import { useTranslation } from "react-i18next";
import { open, useMutationForm } from "@/api";
import { useSession } from "@/app/session";
import { Button, Form, FormActions, FormBanner, TextField, textOf } from "@/ui";
import type { Credentials } from "./PasswordForm";
import { SignInFrame } from "./SignInFrame";
import { SIGN_IN } from "./signInMutation";

/** The code of those who have a second factor. */
export function CodeForm({ credentials, onBack }: { credentials: Credentials; onBack: () => void }) {
  const { t } = useTranslation("sign-in");
  const session = useSession();
  const form = useMutationForm(SIGN_IN, {
    payload: (data) => data.signIn,
    fields: ["code"],
    context: open,
    onDone: (answer) => session.begin(answer),
  });
  return (
    <SignInFrame title={t("code.title")} lead={t("code.lead")}>
      <Form errors={form.fieldErrors} onSubmit={(data) => void form.submit({ ...credentials, code: textOf(data, "code") })}>
        <FormBanner form={form} />
        {/* eslint-disable-next-line jsx-a11y/no-autofocus -- it is what the page asks for */}
        <TextField name="code" label={t("code.label")} autoComplete="one-time-code" isRequired isCode autoFocus />
        <FormActions>
          <Button onPress={onBack}>{t("code.back")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("code.submit")}
          </Button>
        </FormActions>
      </Form>
    </SignInFrame>
  );
}

import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, open, useMutationForm } from "@/api";
import { Button, Form, FormBanner, Link, TextField, textOf } from "@/ui";
import { SignInFrame } from "./SignInFrame";

const REQUEST = graphql(`
  mutation RequestPasswordReset($input: RequestPasswordResetInput!) {
    requestPasswordReset(input: $input) {
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Asks for the mail with the link. The answer is the same whoever has the address. */
export function RequestReset() {
  const { t } = useTranslation("sign-in");
  const [sentTo, setSentTo] = useState<string | null>(null);
  const form = useMutationForm(REQUEST, {
    payload: (data) => data.requestPasswordReset,
    fields: ["email"],
    context: open,
  });
  const back = <Link to="/sign-in">{t("reset.back")}</Link>;
  if (sentTo !== null) {
    return (
      <SignInFrame title={t("reset.sentTitle")} lead={t("reset.sent", { email: sentTo })}>
        {back}
      </SignInFrame>
    );
  }
  const send = async (email: string) => {
    if (await form.submit({ email })) setSentTo(email);
  };
  return (
    <SignInFrame title={t("reset.title")} lead={t("reset.lead")}>
      <Form errors={form.fieldErrors} onSubmit={(data) => void send(textOf(data, "email"))}>
        <FormBanner form={form} />
        <TextField name="email" type="email" label={t("email")} autoComplete="username" isRequired />
        <Button type="submit" kind="primary" isPending={form.isBusy}>
          {t("reset.submit")}
        </Button>
      </Form>
      {back}
    </SignInFrame>
  );
}

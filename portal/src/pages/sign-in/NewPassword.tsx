import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, open, useMutationForm } from "@/api";
import { Banner, Button, ButtonLink, Form, FormBanner, TextField, textOf } from "@/ui";
import { SignInFrame } from "./SignInFrame";

const RESET = graphql(`
  mutation ResetPassword($input: ResetPasswordInput!) {
    resetPassword(input: $input) {
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** A new password by the link of the mail. */
export function NewPassword({ token }: { token: string }) {
  const { t } = useTranslation("sign-in");
  const [isDone, setIsDone] = useState(false);
  const form = useMutationForm(RESET, {
    payload: (data) => data.resetPassword,
    fields: ["password"],
    context: open,
    onDone: () => setIsDone(true),
  });
  return (
    <SignInFrame title={t("reset.newTitle")}>
      {isDone ? (
        <>
          <Banner tone="success">{t("reset.done")}</Banner>
          <ButtonLink kind="primary" to="/sign-in">
            {t("title")}
          </ButtonLink>
        </>
      ) : (
        <Form errors={form.fieldErrors} onSubmit={(data) => void form.submit({ token, password: textOf(data, "password") })}>
          <FormBanner form={form} />
          <TextField
            name="password"
            type="password"
            label={t("reset.newPassword")}
            description={t("reset.rule")}
            autoComplete="new-password"
            minLength={10}
            maxLength={128}
            isRequired
          />
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("reset.save")}
          </Button>
        </Form>
      )}
    </SignInFrame>
  );
}

import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, open, useMutationForm } from "@/api";
import { useTokenOfAddress } from "@/app/session/useTokenOfAddress";
import { Banner, Button, ButtonLink, FormBanner } from "@/ui";
import { SignInFrame } from "./SignInFrame";

const CONFIRM = graphql(`
  mutation ConfirmEmail($input: ConfirmEmailInput!) {
    confirmEmail(input: $input) {
      email
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** A new mail address. It is confirmed by a press, because programs that look into mails follow links. */
export default function ConfirmEmail() {
  const { t } = useTranslation("sign-in");
  const token = useTokenOfAddress();
  const [confirmed, setConfirmed] = useState<string | null>(null);
  const form = useMutationForm(CONFIRM, {
    payload: (data) => data.confirmEmail,
    context: open,
    onDone: ({ email }) => setConfirmed(email ?? ""),
  });
  return (
    <SignInFrame title={t("confirm.title")} lead={t("confirm.lead")}>
      {token === null ? (
        <Banner tone="warning">{t("confirm.missing")}</Banner>
      ) : confirmed !== null ? (
        <>
          <Banner tone="success">{t("confirm.done", { email: confirmed })}</Banner>
          <ButtonLink kind="primary" to="/sign-in">
            {t("title")}
          </ButtonLink>
        </>
      ) : (
        <>
          <FormBanner form={form} />
          <Button kind="primary" isPending={form.isBusy} onPress={() => void form.submit({ token })}>
            {t("confirm.submit")}
          </Button>
        </>
      )}
    </SignInFrame>
  );
}

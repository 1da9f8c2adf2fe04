import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { useViewer } from "@/app/session";
import { Banner, Button, Card, Form, FormActions, FormBanner, TextField, textOf } from "@/ui";

const CHANGE = graphql(`
  mutation ChangeEmail($input: ChangeEmailInput!) {
    changeEmail(input: $input) {
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Another mail address, which counts once its owner has confirmed it. */
export function EmailCard() {
  const { t } = useTranslation("settings");
  const { user } = useViewer();
  const [sentTo, setSentTo] = useState<string | null>(null);
  const form = useMutationForm(CHANGE, { payload: (data) => data.changeEmail, fields: ["email", "password"] });
  const send = async (data: FormData) => {
    const email = textOf(data, "email");
    if (await form.submit({ email, password: textOf(data, "password") })) setSentTo(email);
  };
  return (
    <Card title={t("email.title")} description={t("email.lead", { email: user?.email ?? "" })}>
      {sentTo === null ? (
        <Form errors={form.fieldErrors} onSubmit={(data) => void send(data)}>
          <FormBanner form={form} />
          <TextField name="email" type="email" label={t("email.next")} autoComplete="email" isRequired />
          <TextField name="password" type="password" label={t("email.password")} autoComplete="current-password" isRequired />
          <FormActions>
            <Button type="submit" isPending={form.isBusy}>
              {t("email.submit")}
            </Button>
          </FormActions>
        </Form>
      ) : (
        <Banner tone="success" title={t("email.sentTitle")}>
          {t("email.sent", { email: sentTo })}
        </Banner>
      )}
    </Card>
  );
}

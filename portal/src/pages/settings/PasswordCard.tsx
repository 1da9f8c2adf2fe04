import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, Card, Form, FormActions, FormBanner, TextField, textOf, toast } from "@/ui";

const CHANGE = graphql(`
  mutation ChangePassword($input: ChangePasswordInput!) {
    changePassword(input: $input) {
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Another password. */
export function PasswordCard() {
  const { t } = useTranslation("settings");
  // Another form, with nothing in it, once it was done.
  const [round, setRound] = useState(0);
  const form = useMutationForm(CHANGE, {
    payload: (data) => data.changePassword,
    fields: ["currentPassword", "newPassword"],
    onDone: () => {
      toast(t("password.done"));
      setRound((now) => now + 1);
    },
  });
  return (
    <Card title={t("password.title")} description={t("password.lead")}>
      <Form
        key={round}
        errors={form.fieldErrors}
        onSubmit={(data) =>
          void form.submit({ currentPassword: textOf(data, "currentPassword"), newPassword: textOf(data, "newPassword") })
        }
      >
        <FormBanner form={form} />
        <TextField name="currentPassword" type="password" label={t("password.current")} autoComplete="current-password" isRequired />
        <TextField
          name="newPassword"
          type="password"
          label={t("password.next")}
          description={t("password.rule")}
          autoComplete="new-password"
          minLength={10}
          maxLength={128}
          isRequired
        />
        <FormActions>
          <Button type="submit" isPending={form.isBusy}>
            {t("password.submit")}
          </Button>
        </FormActions>
      </Form>
    </Card>
  );
}

import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, TextField, textOf, toast } from "@/ui";
import type { Person } from "./UserList";

const SET = graphql(`
  mutation SetUserPassword($input: SetUserPasswordInput!) {
    setUserPassword(input: $input) {
      user {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** A password for somebody who lost theirs, where no mail can reach them. */
export function PasswordDialog({ person, onClose }: { person: Person; onClose: () => void }) {
  const { t } = useTranslation(["people", "common"]);
  const form = useMutationForm(SET, {
    payload: (data) => data.setUserPassword,
    fields: ["password"],
    onDone: () => {
      toast(t("act.password.done", { name: person.name }));
      onClose();
    },
  });
  return (
    <Dialog title={t("act.password.title", { name: person.name })} isOpen onClose={onClose}>
      <Form errors={form.fieldErrors} onSubmit={(data) => void form.submit({ userId: person.id, password: textOf(data, "password") })}>
        <p>{t("act.password.lead")}</p>
        <FormBanner form={form} />
        <TextField
          name="password"
          type="password"
          label={t("act.password.label")}
          description={t("add.rule")}
          autoComplete="new-password"
          minLength={10}
          maxLength={128}
          isRequired
        />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("act.password.submit")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}

import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import type { Role } from "@/api/generated/schema";
import { Button, Dialog, Form, FormActions, FormBanner, RadioGroup, toast } from "@/ui";
import { isStaffRole, staffRoles, tenantRoles } from "./roles";
import type { Person } from "./UserList";

const SET = graphql(`
  mutation SetUserRole($input: SetUserRoleInput!) {
    setUserRole(input: $input) {
      user {
        id
        role
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Another role. */
export function RoleDialog({ person, onClose }: { person: Person; onClose: () => void }) {
  const { t } = useTranslation(["people", "common"]);
  const [role, setRole] = useState<Role>(person.role);
  const form = useMutationForm(SET, {
    payload: (data) => data.setUserRole,
    fields: ["role"],
    onDone: () => {
      toast(t("act.role.done", { name: person.name }));
      onClose();
    },
  });
  return (
    <Dialog title={t("act.role.title", { name: person.name })} isOpen onClose={onClose}>
      <Form errors={form.fieldErrors} onSubmit={() => void form.submit({ userId: person.id, role })}>
        <FormBanner form={form} />
        <RadioGroup
          name="role"
          label={t("role")}
          description={t("act.role.lead")}
          value={role}
          onChange={(value) => setRole(value as Role)}
          options={(isStaffRole(person.role) ? staffRoles : tenantRoles).map((id) => ({
            id,
            label: t(`common:role.${id}`),
            description: t(`roleNote.${id}`),
          }))}
        />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("common:save")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}

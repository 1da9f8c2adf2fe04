import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import type { Role } from "@/api/generated/schema";
import { useIsStaff, usePermission } from "@/app/session";
import { TenantField } from "@/pages/tenants/TenantField";
import { Banner, Button, Dialog, Form, FormActions, FormBanner, RadioGroup, TextField, textOf, toast } from "@/ui";
import { isStaffRole, staffRoles, tenantRoles } from "./roles";

const INVITE = graphql(`
  mutation InviteUser($input: InviteUserInput!) {
    inviteUser(input: $input) {
      invitation {
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

const CREATE = graphql(`
  mutation CreateUser($input: CreateUserInput!) {
    createUser(input: $input) {
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

interface PersonDialogProps {
  way: "invitation" | "password";
  onClose: () => void;
  /** Where no mail can be sent: a first password, which one tells them oneself. */
  onOtherWay: () => void;
}

/** Another person: by a mail, after which they choose a password; or with a first one. */
export function PersonDialog({ way, onClose, onOtherWay }: PersonDialogProps) {
  const { t } = useTranslation(["people", "common"]);
  const isStaff = useIsStaff();
  const mayStaff = usePermission("staff:manage");
  const [role, setRole] = useState<Role>("TENANT_MEMBER");
  const [cannotMail, setCannotMail] = useState(false);
  const done = () => {
    toast(t(`${way === "invitation" ? "invite" : "add"}.done`));
    onClose();
  };
  const fields = ["email", "name", "role", "tenantId", "password"];
  const invite = useMutationForm(INVITE, {
    payload: (data) => data.inviteUser,
    fields,
    onDone: done,
    onRefused: (errors) => setCannotMail(errors.some(({ code }) => code === "NOT_CONFIGURED")),
  });
  const create = useMutationForm(CREATE, { payload: (data) => data.createUser, fields, onDone: done });
  const form = way === "invitation" ? invite : create;
  const send = (data: FormData) => {
    const person = {
      email: textOf(data, "email"),
      name: textOf(data, "name"),
      role,
      tenantId: isStaffRole(role) ? null : textOf(data, "tenantId") || null,
    };
    if (way === "invitation") void invite.submit(person);
    else void create.submit({ ...person, password: textOf(data, "password") });
  };
  const roles: readonly Role[] = mayStaff ? [...tenantRoles, ...staffRoles] : tenantRoles;
  return (
    <Dialog title={t(way === "invitation" ? "invite.title" : "add.title")} isOpen onClose={onClose}>
      <Form errors={form.fieldErrors} onSubmit={send}>
        <FormBanner form={form} />
        {way === "invitation" && cannotMail && (
          <Banner tone="info" actions={<Button onPress={onOtherWay}>{t("add.action")}</Button>}>
            {t("invite.noMail")}
          </Banner>
        )}
        <TextField name="email" type="email" label={t("email")} autoComplete="off" isRequired />
        <TextField name="name" label={t("name")} maxLength={200} autoComplete="off" isRequired />
        <RadioGroup
          name="role"
          label={t("role")}
          value={role}
          onChange={(value) => setRole(value as Role)}
          options={roles.map((id) => ({ id, label: t(`common:role.${id}`), description: t(`roleNote.${id}`) }))}
        />
        {isStaff && !isStaffRole(role) && <TenantField name="tenantId" label={t("tenant")} isRequired />}
        {way === "password" && (
          <TextField
            name="password"
            type="password"
            label={t("add.password")}
            description={t("add.rule")}
            autoComplete="new-password"
            minLength={10}
            maxLength={128}
            isRequired
          />
        )}
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t(way === "invitation" ? "invite.submit" : "add.submit")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}

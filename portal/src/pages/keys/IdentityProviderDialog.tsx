import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import type { MappedRoleInput, Role } from "@/api/generated/schema";
import { useIsStaff, useTenantScope } from "@/app/session";
import { staffRoles, tenantRoles } from "@/pages/people/roles";
import { TenantField } from "@/pages/tenants/TenantField";
import { Button, Dialog, Form, FormActions, FormBanner, Select, Switch, TextArea, TextField, textOf, toast } from "@/ui";
import type { IdentityProvider } from "./IdentityProviderList";
import { RoleMapping } from "./RoleMapping";

const CREATE = graphql(`
  mutation CreateIdentityProvider($input: CreateIdentityProviderInput!) {
    createIdentityProvider(input: $input) {
      identityProvider {
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

const UPDATE = graphql(`
  mutation UpdateIdentityProvider($input: UpdateIdentityProviderInput!) {
    updateIdentityProvider(input: $input) {
      identityProvider {
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

const NO_ROLE = "none";
const fields = [
  "tenantId", "name", "issuer", "clientId", "clientSecret", "redirectUris", "roleClaim", "roleMapping", "defaultRole", "createsUsers", "trustsEmail",
];

/** An identity provider: where it is, and what its people become. */
export function IdentityProviderDialog({ provider, onClose }: { provider: IdentityProvider | null; onClose: () => void }) {
  const { t } = useTranslation(["keys", "common"]);
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const [isForStaff, setIsForStaff] = useState(isStaff && tenant === null && (provider === null || provider.tenant == null));
  const [mapping, setMapping] = useState<readonly MappedRoleInput[]>(provider?.roleMapping ?? []);
  const [createsUsers, setCreatesUsers] = useState(provider?.createsUsers ?? false);
  const [trustsEmail, setTrustsEmail] = useState(provider?.trustsEmail ?? false);
  const onDone = () => {
    toast(t("provider.saved"));
    onClose();
  };
  const create = useMutationForm(CREATE, { payload: (data) => data.createIdentityProvider, fields, onDone });
  const update = useMutationForm(UPDATE, { payload: (data) => data.updateIdentityProvider, fields, onDone });
  const form = provider ? update : create;
  const roles: readonly Role[] = isForStaff ? staffRoles : tenantRoles;
  const send = (data: FormData) => {
    const role = textOf(data, "defaultRole");
    const secret = textOf(data, "clientSecret");
    const said = {
      name: textOf(data, "name"),
      clientId: textOf(data, "clientId"),
      redirectUris: textOf(data, "redirectUris").split(/\s+/).filter(Boolean),
      roleClaim: textOf(data, "roleClaim").trim() || null,
      roleMapping: mapping.filter(({ value }) => value.trim() !== ""),
      defaultRole: role === NO_ROLE ? null : (role as Role),
      createsUsers,
      trustsEmail,
      // Left empty, the one that is there stays.
      ...(secret ? { clientSecret: secret } : {}),
    };
    if (provider) void update.submit({ identityProviderId: provider.id, ...said });
    else {
      void create.submit({
        ...said,
        issuer: textOf(data, "issuer").trim(),
        tenantId: isStaff ? (isForStaff ? null : textOf(data, "tenantId")) : null,
      });
    }
  };
  return (
    <Dialog title={t(provider ? "provider.editTitle" : "provider.newTitle")} isOpen onClose={onClose} kind="sheet" width="wide">
      <Form errors={form.fieldErrors} onSubmit={send}>
        <FormBanner form={form} />
        {isStaff && !provider && (
          <Switch isSelected={isForStaff} onChange={setIsForStaff}>
            {t("provider.forStaff")}
          </Switch>
        )}
        {isStaff && !provider && !isForStaff && <TenantField name="tenantId" label={t("tenant")} isRequired />}
        <TextField name="name" label={t("name")} description={t("provider.nameHelp")} defaultValue={provider?.name} maxLength={200} isRequired />
        {provider === null && (
          <TextField
            name="issuer"
            type="url"
            label={t("provider.issuer")}
            description={t("provider.issuerHelp")}
            placeholder="https://login.example"
            isRequired
          />
        )}
        <TextField name="clientId" label={t("provider.clientId")} defaultValue={provider?.clientId} autoComplete="off" isRequired isCode />
        <TextField
          name="clientSecret"
          type="password"
          label={t("provider.clientSecret")}
          description={t(provider?.hasClientSecret ? "provider.secretKept" : "provider.secretHelp")}
          autoComplete="new-password"
          isOptional
        />
        <TextArea
          name="redirectUris"
          label={t("provider.redirectUris")}
          description={t("provider.redirectUrisHelp")}
          defaultValue={(provider?.redirectUris ?? [`${window.location.origin}/sign-in`]).join("\n")}
          rows={2}
          isRequired
          isCode
        />
        <TextField
          name="roleClaim"
          label={t("provider.roleClaim")}
          description={t("provider.roleClaimHelp")}
          placeholder="groups"
          defaultValue={provider?.roleClaim ?? ""}
          isOptional
          isCode
        />
        <RoleMapping roles={roles} value={mapping} onChange={setMapping} errors={form.fieldErrors.roleMapping} />
        <Select
          name="defaultRole"
          label={t("provider.defaultRole")}
          defaultValue={provider?.defaultRole ?? NO_ROLE}
          options={[{ id: NO_ROLE, label: t("provider.noRole") }, ...roles.map((id) => ({ id, label: t(`common:role.${id}`) }))]}
        />
        <Switch isSelected={createsUsers} onChange={setCreatesUsers} description={t("provider.createsUsersHelp")}>
          {t("provider.createsUsers")}
        </Switch>
        <Switch isSelected={trustsEmail} onChange={setTrustsEmail} description={t("provider.trustsEmailHelp")}>
          {t("provider.trustsEmail")}
        </Switch>
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

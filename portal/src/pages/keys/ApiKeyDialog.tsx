import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { useIsStaff, useTenantScope } from "@/app/session";
import { Button, Dialog, endOf, EndSelect, Form, FormActions, FormBanner, SecretDialog, TextField, textOf } from "@/ui";
import { Scopes } from "./Scopes";
import { partnerScopes } from "./scopes";
import { TenantPicker } from "./TenantPicker";

const CREATE = graphql(`
  mutation CreateApiKey($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      apiKey {
        id
      }
      secret
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Another key, whose secret is shown once. */
export function ApiKeyDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["keys", "common"]);
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const [tenants, setTenants] = useState<readonly string[]>(isStaff && tenant ? [tenant.id] : []);
  const [scopes, setScopes] = useState<readonly string[]>(["integrations:read", "runs:read", "failures:read"]);
  const [secret, setSecret] = useState<string | null>(null);
  const form = useMutationForm(CREATE, {
    payload: (data) => data.createApiKey,
    fields: ["name", "scopes", "tenantIds", "expiresAt"],
    onDone: (answer) => setSecret(answer.secret ?? ""),
  });
  if (secret !== null) {
    return (
      <SecretDialog title={t("apiKey.madeTitle")} label={t("apiKey.secret")} secret={secret} onClose={onClose}>
        {t("apiKey.madeLead")}
      </SecretDialog>
    );
  }
  return (
    <Dialog title={t("apiKey.newTitle")} isOpen onClose={onClose} width="wide">
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) =>
          void form.submit({
            name: textOf(data, "name"),
            scopes: [...scopes],
            tenantIds: isStaff ? [...tenants] : null,
            expiresAt: endOf(data, "expiresAt"),
          })
        }
      >
        <FormBanner form={form} />
        <TextField name="name" label={t("name")} description={t("apiKey.nameHelp")} maxLength={200} isRequired />
        <Scopes offered={partnerScopes} value={scopes} onChange={setScopes} />
        {isStaff && <TenantPicker value={tenants} onChange={setTenants} />}
        <EndSelect name="expiresAt" label={t("endsAfter")} hours={[720, 2_160, 4_320, 8_760]} never={t("endsNever")} defaultHours={8_760} />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("apiKey.make")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}

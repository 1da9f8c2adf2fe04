import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { useIsStaff, useTenantScope } from "@/app/session";
import { Button, Dialog, endOf, EndSelect, Form, FormActions, FormBanner, Switch, TextArea, TextField, textOf, toast } from "@/ui";
import { Scopes } from "./Scopes";
import { portalScopes } from "./scopes";
import { TenantPicker } from "./TenantPicker";

const CREATE = graphql(`
  mutation CreatePortalKey($input: CreatePortalKeyInput!) {
    createPortalKey(input: $input) {
      portalKey {
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

/** Registers the public key of a portal's server. */
export function PortalKeyDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["keys", "common"]);
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const [isForAll, setIsForAll] = useState(false);
  const [tenants, setTenants] = useState<readonly string[]>(isStaff && tenant ? [tenant.id] : []);
  const [scopes, setScopes] = useState<readonly string[]>(portalScopes);
  const form = useMutationForm(CREATE, {
    payload: (data) => data.createPortalKey,
    fields: ["name", "publicKey", "scopes", "tenantIds", "expiresAt"],
    onDone: () => {
      toast(t("portalKey.done"));
      onClose();
    },
  });
  return (
    <Dialog title={t("portalKey.newTitle")} isOpen onClose={onClose} width="wide">
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) =>
          void form.submit({
            name: textOf(data, "name"),
            publicKey: textOf(data, "publicKey"),
            scopes: [...scopes],
            allTenants: isStaff ? isForAll : null,
            tenantIds: isStaff && !isForAll ? [...tenants] : null,
            expiresAt: endOf(data, "expiresAt"),
          })
        }
      >
        <FormBanner form={form} />
        <TextField name="name" label={t("name")} maxLength={200} isRequired />
        <TextArea
          name="publicKey"
          label={t("portalKey.publicKey")}
          description={t("portalKey.publicKeyHelp")}
          placeholder="-----BEGIN PUBLIC KEY-----"
          rows={5}
          isRequired
          isCode
        />
        <Scopes offered={portalScopes} value={scopes} onChange={setScopes} />
        {isStaff && (
          <Switch isSelected={isForAll} onChange={setIsForAll} description={t("portalKey.allTenantsHelp")}>
            {t("portalKey.allTenants")}
          </Switch>
        )}
        {isStaff && !isForAll && <TenantPicker value={tenants} onChange={setTenants} />}
        <EndSelect name="expiresAt" label={t("endsAfter")} hours={[2_160, 8_760, 17_520]} never={t("endsNever")} />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("portalKey.make")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}

import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMutationForm } from "@/api";
import { useIsStaff, useTenantScope } from "@/app/session";
import { TenantField } from "@/pages/tenants/TenantField";
import { Button, Code, Dialog, Form, FormActions, FormBanner, SecretDialog, Select, TextField, textOf } from "@/ui";
import { CREATE_PORTAL_SESSION } from "./createPortalSession";
import { Scopes } from "./Scopes";
import { portalScopes, portalScopesToLook } from "./scopes";

const lasts = ["900", "3600", "28800", "86400"] as const;

/** A token for one end user, with the link that one would give them. */
export function PortalSessionDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["keys", "common"]);
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const [scopes, setScopes] = useState<readonly string[]>(portalScopesToLook);
  const [token, setToken] = useState<string | null>(null);
  const form = useMutationForm(CREATE_PORTAL_SESSION, {
    payload: (data) => data.createPortalSession,
    fields: ["tenantId", "endUser", "scopes", "ttlSeconds"],
    onDone: (answer) => setToken(answer.token ?? ""),
  });
  if (token !== null) {
    return (
      <SecretDialog title={t("session.madeTitle")} label={t("session.token")} secret={token} onClose={onClose}>
        <p>{t("session.madeLead")}</p>
        <Code isBlock label={t("session.link")}>{`${window.location.origin}/embed/inbox#token=${token}`}</Code>
        <p>{t("session.tokenLead")}</p>
      </SecretDialog>
    );
  }
  return (
    <Dialog title={t("session.newTitle")} isOpen onClose={onClose} width="wide">
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) =>
          void form.submit({
            tenantId: isStaff ? textOf(data, "tenantId") : (tenant?.id ?? ""),
            endUser: textOf(data, "endUser"),
            scopes: [...scopes],
            ttlSeconds: Number(textOf(data, "ttlSeconds")),
          })
        }
      >
        <FormBanner form={form} />
        {isStaff && <TenantField name="tenantId" label={t("tenant")} isRequired />}
        <TextField name="endUser" label={t("session.endUser")} description={t("session.endUserHelp")} maxLength={200} isRequired />
        <Scopes offered={portalScopes} value={scopes} onChange={setScopes} />
        <Select
          name="ttlSeconds"
          label={t("endsAfter")}
          defaultValue="3600"
          options={lasts.map((id) => ({ id, label: t(`session.lasts.${id}`) }))}
        />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("session.make")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}

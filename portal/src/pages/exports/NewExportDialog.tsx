import { useTranslation } from "react-i18next";
import { useIsStaff, usePermission, useTenantScope } from "@/app/session";
import { TenantField } from "@/pages/tenants/TenantField";
import { Button, Dialog, Form, FormActions, FormBanner, Select, textOf } from "@/ui";
import { kinds, type ExportKind } from "./kinds";
import { useCreateExport } from "./useCreateExport";

/** Chooses what to have as a file. */
export function NewExportDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation(["exports", "common"]);
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const form = useCreateExport(onDone);
  const mayAudit = usePermission("audit:read");
  const mayNotices = usePermission("notices:read");
  const offered = Object.keys(kinds).filter(
    (kind) => (kind !== "auditEntries" || mayAudit) && (kind !== "notices" || mayNotices),
  );
  return (
    <Dialog title={t("newTitle")} isOpen onClose={onClose}>
      <Form
        errors={form.fieldErrors}
        onSubmit={(data) =>
          void form.submit({
            query: kinds[textOf(data, "kind") as ExportKind],
            tenantId: textOf(data, "tenantId") || tenant?.id || null,
            idempotencyKey: form.idempotencyKey(),
          })
        }
      >
        <FormBanner form={form} />
        <Select
          name="kind"
          label={t("what")}
          description={t("format")}
          defaultValue="failures"
          options={offered.map((kind) => ({ id: kind, label: t(`kind.${kind}`) }))}
        />
        {isStaff && <TenantField name="tenantId" isRequired />}
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="primary" isPending={form.isBusy}>
            {t("make")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}

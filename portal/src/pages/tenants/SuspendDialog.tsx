import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { Button, Dialog, Form, FormActions, FormBanner, TextArea, textOf, toast } from "@/ui";

const SUSPEND = graphql(`
  mutation SuspendTenant($input: SuspendTenantInput!) {
    suspendTenant(input: $input) {
      tenant {
        id
        status
        statusReason
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface SuspendDialogProps {
  tenant: { id: string; name: string };
  onClose: () => void;
}

/** Suspends a tenant, whose people read why. */
export function SuspendDialog({ tenant, onClose }: SuspendDialogProps) {
  const { t } = useTranslation(["tenants", "common"]);
  const form = useMutationForm(SUSPEND, {
    payload: (data) => data.suspendTenant,
    fields: ["reason"],
    onDone: () => {
      toast(t("suspend.done", { name: tenant.name }));
      onClose();
    },
  });
  return (
    <Dialog title={t("suspend.title", { name: tenant.name })} isOpen onClose={onClose}>
      <Form errors={form.fieldErrors} onSubmit={(data) => void form.submit({ tenantId: tenant.id, reason: textOf(data, "reason") })}>
        <p>{t("suspend.lead")}</p>
        <FormBanner form={form} />
        <TextArea name="reason" label={t("suspend.reason")} description={t("suspend.reasonHelp")} maxLength={500} isRequired />
        <FormActions>
          <Button onPress={onClose}>{t("common:cancel")}</Button>
          <Button type="submit" kind="danger" isPending={form.isBusy}>
            {t("suspend.action")}
          </Button>
        </FormActions>
      </Form>
    </Dialog>
  );
}

import { useTranslation } from "react-i18next";
import { graphql, useMutationForm } from "@/api";
import { ConfirmDialog, toast } from "@/ui";

const RESUME = graphql(`
  mutation ResumeTenant($input: ResumeTenantInput!) {
    resumeTenant(input: $input) {
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

interface ResumeDialogProps {
  tenant: { id: string; name: string };
  onClose: () => void;
}

/** Lets a suspended tenant go on. */
export function ResumeDialog({ tenant, onClose }: ResumeDialogProps) {
  const { t } = useTranslation("tenants");
  const form = useMutationForm(RESUME, {
    payload: (data) => data.resumeTenant,
    onDone: () => {
      toast(t("resume.done", { name: tenant.name }));
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("resume.title", { name: tenant.name })}
      isOpen
      onClose={onClose}
      action={t("resume.action")}
      onConfirm={() => void form.submit({ tenantId: tenant.id })}
      form={form}
    >
      {t("resume.lead")}
    </ConfirmDialog>
  );
}

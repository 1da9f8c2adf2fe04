import { FileDown } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { usePermission, useTenantScope } from "@/app/session";
import { Button, Tooltip } from "@/ui";
import { useCreateExport } from "./useCreateExport";

export interface ExportButtonProps {
  /** `{ failures(filter: …) { edges { node { … } } } }`, without page arguments. */
  query: string;
  variables?: Record<string, unknown>;
}

/** Makes a file of a whole list, and goes where it will be. Nothing for those who may not. */
export function ExportButton({ query, variables }: ExportButtonProps) {
  const { t } = useTranslation("exports");
  const { tenant } = useTenantScope();
  const navigate = useNavigate();
  const mayExport = usePermission("exports:manage");
  const form = useCreateExport(() => void navigate("/exports-list"));
  if (!mayExport) return null;
  const ask = () =>
    form.submit({ query, variables: variables ?? null, tenantId: tenant?.id ?? null, idempotencyKey: form.idempotencyKey() });
  const button = (
    <Button icon={<FileDown size={16} aria-hidden />} isPending={form.isBusy} isDisabled={tenant === null} onPress={() => void ask()}>
      {t("export")}
    </Button>
  );
  return tenant === null ? <Tooltip text={t("ofOneTenant")}>{button}</Tooltip> : button;
}

import { useTranslation } from "react-i18next";
import { ObjectName } from "@/pages/tenants/ObjectName";

/** Whose it is: the operator's, or a tenant's by its name. */
export function Owner({ tenantId }: { tenantId?: string | null }) {
  const { t } = useTranslation("notices");
  return tenantId == null ? <span>{t("owner.operator")}</span> : <ObjectName id={tenantId} />;
}

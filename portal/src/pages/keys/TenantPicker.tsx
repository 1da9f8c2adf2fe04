import { useTranslation } from "react-i18next";
import { PickedObjects } from "@/pages/tenants/PickedObjects";
import { TenantField } from "@/pages/tenants/TenantField";

/** Some tenants by their ids, found one after the other. */
export function TenantPicker({ value, onChange }: { value: readonly string[]; onChange: (value: readonly string[]) => void }) {
  const { t } = useTranslation("keys");
  return (
    <>
      <TenantField
        key={value.length}
        name="tenantIds"
        label={t("tenants")}
        description={t("tenantsHelp")}
        isEmptyAtFirst
        onChoose={(tenant) => tenant && !value.includes(tenant.id) && onChange([...value, tenant.id])}
      />
      <PickedObjects ids={value} onChange={onChange} />
    </>
  );
}

import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { ScopedTenant } from "@/app/session/tenantScope";
import { TenantField } from "@/pages/tenants/TenantField";
import { IconButton } from "@/ui";
import styles from "./TenantPicker.module.css";

interface TenantPickerProps {
  value: readonly ScopedTenant[];
  onChange: (value: readonly ScopedTenant[]) => void;
}

/** Some tenants, found one after the other. */
export function TenantPicker({ value, onChange }: TenantPickerProps) {
  const { t } = useTranslation("keys");
  return (
    <div className={styles.picker}>
      <TenantField
        key={value.length}
        name="tenantIds"
        label={t("tenants")}
        description={t("tenantsHelp")}
        isEmptyAtFirst
        onChoose={(tenant) => tenant && !value.some(({ id }) => id === tenant.id) && onChange([...value, tenant])}
      />
      {value.length > 0 && (
        <ul className={styles.chosen}>
          {value.map((tenant) => (
            <li key={tenant.id}>
              {tenant.name}
              <IconButton label={t("leaveOut", { name: tenant.name })} size="small" onPress={() => onChange(value.filter(({ id }) => id !== tenant.id))}>
                <X size={14} aria-hidden />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

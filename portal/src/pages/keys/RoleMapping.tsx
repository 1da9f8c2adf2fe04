import { Plus, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MappedRoleInput, Role } from "@/api/generated/schema";
import { Banner, Button, IconButton, Select, TextField } from "@/ui";
import styles from "./RoleMapping.module.css";

interface RoleMappingProps {
  roles: readonly Role[];
  value: readonly MappedRoleInput[];
  onChange: (value: readonly MappedRoleInput[]) => void;
  errors?: string;
}

/** Which value of the claim gives which role; the first that somebody has counts. */
export function RoleMapping({ roles, value, onChange, errors }: RoleMappingProps) {
  const { t } = useTranslation(["keys", "common"]);
  const change = (at: number, part: Partial<MappedRoleInput>) =>
    onChange(value.map((each, index) => (index === at ? { ...each, ...part } : each)));
  const [first] = roles;
  return (
    <fieldset className={styles.mapping}>
      <legend>{t("provider.mapping")}</legend>
      {errors !== undefined && <Banner tone="danger">{errors}</Banner>}
      {value.map((each, at) => (
        <div key={at} className={styles.row}>
          <TextField label={t("provider.mappingValue")} hideLabel={at > 0} value={each.value} onChange={(text) => change(at, { value: text })} isCode />
          <Select
            label={t("provider.mappingRole")}
            hideLabel={at > 0}
            value={each.role}
            onChange={(key) => change(at, { role: key as Role })}
            options={roles.map((id) => ({ id, label: t(`common:role.${id}`) }))}
          />
          <IconButton label={t("leaveOut", { name: each.value })} onPress={() => onChange(value.filter((_, index) => index !== at))}>
            <Trash2 size={16} aria-hidden />
          </IconButton>
        </div>
      ))}
      {first && (
        <div>
          <Button size="small" icon={<Plus size={14} aria-hidden />} onPress={() => onChange([...value, { value: "", role: first }])}>
            {t("provider.addMapping")}
          </Button>
        </div>
      )}
    </fieldset>
  );
}

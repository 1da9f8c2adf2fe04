import { useTranslation } from "react-i18next";
import { CheckboxGroup } from "@/ui";

interface ScopesProps {
  offered: readonly string[];
  value: readonly string[];
  onChange: (value: readonly string[]) => void;
}

/** What it may do. */
export function Scopes({ offered, value, onChange }: ScopesProps) {
  const { t } = useTranslation("keys");
  return (
    <CheckboxGroup
      name="scopes"
      label={t("scopes")}
      description={t("scopesHelp")}
      value={[...value]}
      onChange={onChange}
      options={offered.map((id) => ({ id, label: t(`scope.${id.replace(":", ".")}`) }))}
    />
  );
}

import { useTranslation } from "react-i18next";
import { NumberField } from "@/ui";
import { REVIEW_INTERVAL_DAYS_MAX } from "./runbookDetail";

/** How often a runbook is to be reviewed; `NaN` for never. */
export function ReviewIntervalField({ value, onChange }: { value: number; onChange: (days: number) => void }) {
  const { t } = useTranslation("runbooks");
  return (
    <NumberField
      name="reviewIntervalDays"
      label={t("interval")}
      description={t("field.intervalHelp")}
      isOptional
      minValue={1}
      maxValue={REVIEW_INTERVAL_DAYS_MAX}
      value={value}
      onChange={onChange}
      formatOptions={{ style: "unit", unit: "day", unitDisplay: "long" }}
    />
  );
}

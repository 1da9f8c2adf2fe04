import { useState } from "react";
import { useTranslation } from "react-i18next";
import { NumberField, Select } from "@/ui";
import styles from "./Escalations.module.css";

const units = { minutes: 60, hours: 3_600, days: 86_400 };
type Unit = keyof typeof units;

/** 92 days, the longest that a step or a promise may take. */
const SECONDS_MAX = 7_948_800;

interface DurationFieldProps {
  name: string;
  label: string;
  description?: string;
  isOptional?: boolean;
  isRequired?: boolean;
  /** Seconds; null for none. */
  value: number | null;
  onChange: (seconds: number | null) => void;
}

/** How long, as people say it: a number and its unit. */
export function DurationField({ value, onChange, label, description, ...props }: DurationFieldProps) {
  const { t } = useTranslation("escalations");
  const [unit, setUnit] = useState<Unit>(() => largestUnit(value));
  return (
    <div className={styles.duration} role="group" aria-label={label}>
      <NumberField
        {...props}
        label={label}
        description={description}
        minValue={1}
        maxValue={Math.floor(SECONDS_MAX / units[unit])}
        // What is no whole number of minutes was set by a program, and stays as exact as it is.
        formatOptions={{ maximumFractionDigits: 3 }}
        value={value === null ? Number.NaN : value / units[unit]}
        onChange={(amount) => onChange(Number.isNaN(amount) ? null : Math.round(amount * units[unit]))}
      />
      <Select
        label={t("unit.label")}
        hideLabel
        options={(Object.keys(units) as Unit[]).map((id) => ({ id, label: t(`unit.${id}`) }))}
        value={unit}
        onChange={(key) => {
          const next = key as Unit;
          if (value !== null) onChange(Math.min(SECONDS_MAX, Math.round((value / units[unit]) * units[next])));
          setUnit(next);
        }}
      />
    </div>
  );
}

/** The largest unit of which it is a whole number. */
function largestUnit(seconds: number | null): Unit {
  if (seconds === null) return "hours";
  if (seconds % units.days === 0) return "days";
  return seconds % units.hours === 0 ? "hours" : "minutes";
}

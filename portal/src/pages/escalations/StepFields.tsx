import { Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { ResponsibleParty } from "@/api/generated/schema";
import { IconButton, NumberField, Select } from "@/ui";
import { DurationField } from "./DurationField";
import styles from "./Escalations.module.css";
import { parties } from "./parties";

export interface StepDraft {
  key: number;
  afterSeconds: number | null;
  party: ResponsibleParty;
  repeatCount: number;
}

const REPEATS_MAX = 10;

interface StepFieldsProps {
  at: number;
  value: StepDraft;
  onChange: (value: StepDraft) => void;
  onRemove: () => void;
}

/** A step of a policy: after how long, to whom, and how often it is said again. */
export function StepFields({ at, value, onChange, onRemove }: StepFieldsProps) {
  const { t } = useTranslation("escalations");
  return (
    <div className={styles.stepFields} role="group" aria-label={t("policies.stepNumber", { number: at + 1 })}>
      <div className={styles.fields}>
        <DurationField
          name={`steps.${at}.afterSeconds`}
          label={at === 0 ? t("policies.afterBegin") : t("policies.afterStep")}
          isRequired
          value={value.afterSeconds}
          onChange={(afterSeconds) => onChange({ ...value, afterSeconds })}
        />
        <Select
          name={`steps.${at}.party`}
          label={t("policies.party")}
          options={parties.map((id) => ({ id, label: t(`party.${id}`) }))}
          value={value.party}
          onChange={(party) => onChange({ ...value, party: party as ResponsibleParty })}
        />
        <NumberField
          name={`steps.${at}.repeatCount`}
          label={t("policies.repeatCount")}
          minValue={0}
          maxValue={REPEATS_MAX}
          value={value.repeatCount}
          onChange={(count) => onChange({ ...value, repeatCount: Number.isNaN(count) ? 0 : count })}
        />
      </div>
      <IconButton label={t("policies.removeStep")} onPress={onRemove}>
        <Trash2 size={16} aria-hidden />
      </IconButton>
    </div>
  );
}

import { Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Checkbox, IconButton, TextField } from "@/ui";
import styles from "./Postmortem.module.css";

export interface FollowUpDraft {
  key: number;
  text: string;
  owner: string;
  /** A day; empty for none. */
  dueAt: string;
  isDone: boolean;
}

interface FollowUpFieldsProps {
  at: number;
  value: FollowUpDraft;
  onChange: (value: FollowUpDraft) => void;
  onRemove: () => void;
}

/** Something that is to be done so that an incident does not happen again. */
export function FollowUpFields({ at, value, onChange, onRemove }: FollowUpFieldsProps) {
  const { t } = useTranslation("incidents");
  return (
    <div className={styles.followUp} role="group" aria-label={t("postmortem.followUp", { number: at + 1 })}>
      <div className={styles.fields}>
        <TextField
          name={`followUps.${at}.text`}
          label={t("postmortem.what")}
          value={value.text}
          onChange={(text) => onChange({ ...value, text })}
          isRequired
          maxLength={500}
        />
        <TextField
          name={`followUps.${at}.owner`}
          label={t("postmortem.owner")}
          isOptional
          value={value.owner}
          onChange={(owner) => onChange({ ...value, owner })}
        />
        <TextField
          name={`followUps.${at}.dueAt`}
          type="date"
          label={t("postmortem.dueAt")}
          isOptional
          value={value.dueAt}
          onChange={(dueAt) => onChange({ ...value, dueAt })}
        />
        <Checkbox isSelected={value.isDone} onChange={(isDone) => onChange({ ...value, isDone })}>
          {t("postmortem.done")}
        </Checkbox>
      </div>
      <IconButton label={t("postmortem.removeFollowUp")} onPress={onRemove}>
        <Trash2 size={16} aria-hidden />
      </IconButton>
    </div>
  );
}

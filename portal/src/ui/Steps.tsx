import { Check } from "lucide-react";
import { useTranslation } from "react-i18next";
import styles from "./Steps.module.css";

export interface StepsProps {
  /** What they lead to; read aloud. */
  label: string;
  steps: readonly { id: string; label: string }[];
  current: string;
}

/** How far one is in something that is done in steps. */
export function Steps({ label, steps, current }: StepsProps) {
  const { t } = useTranslation("common");
  const at = steps.findIndex(({ id }) => id === current);
  return (
    <ol aria-label={label} className={styles.steps}>
      {steps.map((step, index) => (
        <li key={step.id} className={styles.step} data-state={index < at ? "done" : index === at ? "current" : "ahead"} aria-current={index === at ? "step" : undefined}>
          <span className={styles.number} aria-hidden>
            {index < at ? <Check size={13} /> : index + 1}
          </span>
          <span className={styles.label}>{step.label}</span>
          {index < at && <span className="visually-hidden">{t("stepDone")}</span>}
        </li>
      ))}
    </ol>
  );
}

import { useTranslation } from "react-i18next";
import { Time } from "@/ui";
import { ActionButton, isPressed, type ActionButtonProps } from "./ActionButton";
import { ActionIcon } from "./ActionIcon";
import type { SuggestedAction } from "./suggestedAction";
import styles from "./SuggestedActions.module.css";

export interface SuggestedActionsProps extends Pick<ActionButtonProps, "subject" | "onDone" | "onRetryStarted"> {
  actions: readonly SuggestedAction[];
  /** Buttons alone, of what can be done now; for lists. */
  isBrief?: boolean;
}

const BRIEF_MAX = 3;

/** The steps that the API suggests, what helps most first: buttons, and advice where something is done elsewhere. */
export function SuggestedActions({ actions, isBrief = false, ...props }: SuggestedActionsProps) {
  const { t } = useTranslation("actions");
  if (isBrief) {
    const brief = actions.filter((action) => isPressed(action) && action.isAvailable && action.input).slice(0, BRIEF_MAX);
    return (
      <div className={styles.brief}>
        {brief.map((action, at) => (
          <ActionButton key={action.kind} {...props} action={action} size="small" kind={at === 0 ? "primary" : "secondary"} />
        ))}
      </div>
    );
  }
  const first = actions.find((action) => isPressed(action) && action.isAvailable);
  return (
    <ol className={styles.steps}>
      {actions.map((action) => (
        <li key={`${action.kind}-${action.label}`} className={styles.step}>
          <div className={styles.button}>
            {isPressed(action) ? (
              <ActionButton {...props} action={action} kind={action === first ? "primary" : "secondary"} />
            ) : (
              <p className={styles.label}>
                <ActionIcon kind={action.kind} />
                {action.label}
              </p>
            )}
          </div>
          <div className={styles.words}>
            <p className={styles.explanation}>{action.explanation}</p>
            {action.until !== null && (
              <p className={styles.explanation}>
                {t("until")} <Time at={action.until} />
              </p>
            )}
            {!action.isAvailable && action.unavailableReason !== null && <p className={styles.reason}>{action.unavailableReason}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}

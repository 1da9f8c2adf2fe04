import { useTranslation } from "react-i18next";
import type { RetryPrediction } from "@/api/generated/schema";
import { Checkbox, Count, Disclosure, Link } from "@/ui";
import type { Predicted } from "./retryForesight";
import styles from "./RetryOutcome.module.css";

interface RetryOutcomeProps {
  prediction: RetryPrediction;
  count: number;
  examples: readonly Predicted[];
  isTicked: boolean;
  /** Absent where there is nothing to choose. */
  onTick: ((isTicked: boolean) => void) | undefined;
}

const SHOWN_MAX = 5;

/** One outcome of a retry: how many, what it means, and some of them with why. */
export function RetryOutcome({ prediction, count, examples, isTicked, onTick }: RetryOutcomeProps) {
  const { t } = useTranslation("actions");
  const words = (
    <span className={styles.words}>
      <strong>
        <Count value={count} /> {t(`outcome.${prediction}.label`, { count })}
      </strong>
    </span>
  );
  return (
    <div className={styles.outcome}>
      {onTick ? (
        <Checkbox isSelected={isTicked} onChange={onTick}>
          {words}
        </Checkbox>
      ) : (
        words
      )}
      <p className={styles.note}>{t(`outcome.${prediction}.note`)}</p>
      {examples.length > 0 && (
        <Disclosure title={t("retry.which")}>
          <ul className={styles.examples}>
            {examples.slice(0, SHOWN_MAX).map((failure) => (
              <li key={failure.failureId}>
                <Link to={`/failures/${failure.failureId}`}>{failure.businessReference ?? t("retry.wholeRun")}</Link>
                <span className={styles.note}>{failure.reason}</span>
              </li>
            ))}
            {count > SHOWN_MAX && <li className={styles.note}>{t("retry.more", { count: count - Math.min(SHOWN_MAX, examples.length) })}</li>}
          </ul>
        </Disclosure>
      )}
    </div>
  );
}

import { useTranslation } from "react-i18next";
import { Disclosure, StatusBadge, Time } from "@/ui";
import { Attempt } from "./Attempt";
import styles from "./Delivery.module.css";
import type { DeliveryFields } from "./deliveryFields";

/** The way to one receiver, with a log of its attempts. */
export function Delivery({ delivery }: { delivery: DeliveryFields }) {
  const { t } = useTranslation("notices");
  const { attempts, lastError, nextAttemptAt } = delivery;
  return (
    <div className={styles.delivery}>
      <p className={styles.line}>
        <StatusBadge kind="delivery" value={delivery.status} />
        {delivery.recipient != null && <span>{delivery.recipient}</span>}
        {delivery.finishedAt != null && <Time at={delivery.finishedAt} />}
      </p>
      {lastError != null && <p>{lastError}</p>}
      {nextAttemptAt != null && (
        <p>
          {t("next")} <Time at={nextAttemptAt} />
        </p>
      )}
      {attempts && attempts.length > 0 && (
        <Disclosure title={t("attempts", { count: attempts.length })} isOpenAtFirst={delivery.status === "FAILED"}>
          <ol className={styles.attempts}>
            {attempts.map((attempt, at) => (
              <Attempt key={at} attempt={attempt} />
            ))}
          </ol>
        </Disclosure>
      )}
    </div>
  );
}

import { useTranslation } from "react-i18next";
import { FreshnessWords } from "@/pages/integrations/FreshnessWords";
import type { IntegrationRowOf } from "@/pages/integrations/integrationRow";
import { Link, StatusBadge, statusLooks } from "@/ui";
import styles from "./TrafficLights.module.css";

/** One integration: its light, why it is so, and how fresh what it brought is. */
export function TrafficLight({ row, showsTenant }: { row: IntegrationRowOf; showsTenant: boolean }) {
  const { t } = useTranslation("home");
  const health = row.health;
  const status = health?.status ?? "UNKNOWN";
  return (
    <article className={styles.light} data-tone={statusLooks.health[status].tone}>
      <div className={styles.head}>
        <StatusBadge kind="health" value={status} />
        <span className={styles.fresh}>{health && <FreshnessWords freshness={health.freshness} />}</span>
      </div>
      <h3 className={styles.name}>
        <Link kind="quiet" to={`/integrations/${row.id}`}>
          {row.name}
        </Link>
      </h3>
      {showsTenant && <p className={styles.note}>{row.tenant.name}</p>}
      <p className={styles.note}>{health?.reasons[0]?.message ?? t("board.well")}</p>
    </article>
  );
}

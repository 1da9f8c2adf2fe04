import { useTranslation } from "react-i18next";
import type { Pages } from "@/api";
import { useIsStaff, useTenantScope } from "@/app/session";
import { Link, ListEnd, statusLooks, Time } from "@/ui";
import styles from "./HealthBoard.module.css";
import type { IntegrationRowOf } from "./integrationRow";
import { healthStatuses } from "./useIntegrations";

/** A light for each integration, those that are worst first: what one looks at from across the room. */
export function HealthBoard({ pages }: { pages: Pages<IntegrationRowOf> }) {
  const { t } = useTranslation(["integrations", "common"]);
  const groups = healthStatuses
    .map((status) => ({ status, rows: pages.rows.filter(({ health }) => (health?.status ?? "UNKNOWN") === status) }))
    .filter(({ rows }) => rows.length > 0);
  return (
    <div className={styles.board}>
      {groups.map(({ status, rows }) => {
        const { icon: Icon, tone } = statusLooks.health[status];
        return (
          <section key={status} className={styles.group} aria-labelledby={`board-${status}`}>
            <h2 id={`board-${status}`} className={styles.heading} data-tone={tone}>
              <Icon size={16} aria-hidden />
              {t(`common:status.health.${status}`)}
              <span className={styles.count}>{pages.hasMore ? t("board.loaded", { count: rows.length }) : rows.length}</span>
            </h2>
            <ul className={styles.lights}>
              {rows.map((row) => (
                <li key={row.id} className={styles.light} data-tone={tone}>
                  <Light row={row} />
                </li>
              ))}
            </ul>
          </section>
        );
      })}
      <ListEnd pages={pages} />
    </div>
  );
}

function Light({ row }: { row: IntegrationRowOf }) {
  const { t } = useTranslation("integrations");
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const lastRun = row.health?.lastRun;
  return (
    <>
      <Link kind="quiet" to={`/integrations/${row.id}`}>
        {row.name}
      </Link>
      <span className={styles.note}>
        {isStaff && !tenant ? `${row.tenant.name} · ` : ""}
        {lastRun ? <Time at={lastRun.finishedAt ?? lastRun.queuedAt} /> : t("freshness.never")}
      </span>
    </>
  );
}

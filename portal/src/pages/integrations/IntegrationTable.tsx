import { useTranslation } from "react-i18next";
import type { Pages } from "@/api";
import { useIsStaff, useTenantScope } from "@/app/session";
import { useLanguage } from "@/i18n";
import { Card, Count, format, StatusBadge, Time, useAddress, VirtualTable, type Column } from "@/ui";
import { FreshnessWords } from "./FreshnessWords";
import styles from "./IntegrationTable.module.css";
import type { IntegrationRowOf } from "./integrationRow";
import { RowSparkline } from "./RowSparkline";
import { sortOf } from "./useIntegrations";

/** Integrations below each other with how each is at a glance. */
export function IntegrationTable({ pages }: { pages: Pages<IntegrationRowOf> }) {
  const { t } = useTranslation("integrations");
  const language = useLanguage();
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const [address, setAddress] = useAddress();
  const columns: Column<IntegrationRowOf>[] = [
    {
      id: "name",
      header: t("column.name"),
      width: "minmax(200px, 2.4fr)",
      isRowHeader: true,
      isSortable: true,
      cell: ({ name, source, destination, tenant: owner }) => (
        <span className={styles.name}>
          <span>{name}</span>
          <span className={styles.way}>
            {isStaff && !tenant && `${owner.name} · `}
            {source && destination && `${source.name} → ${destination.name}`}
          </span>
        </span>
      ),
    },
    {
      id: "health",
      header: t("column.health"),
      width: "minmax(150px, 1.5fr)",
      isSortable: true,
      cell: ({ health }) => health && <HealthCell health={health} />,
    },
    {
      id: "lastRun",
      header: t("column.lastRun"),
      width: "minmax(136px, 1.1fr)",
      cell: ({ health }) =>
        health?.lastRun ? (
          <span className={styles.run}>
            <StatusBadge kind="run" value={health.lastRun.status} />
            <Time at={health.lastRun.finishedAt ?? health.lastRun.queuedAt} />
          </span>
        ) : (
          "–"
        ),
    },
    {
      id: "freshness",
      header: t("column.freshness"),
      width: "minmax(110px, 0.9fr)",
      cell: ({ health }) => health && <FreshnessWords freshness={health.freshness} />,
    },
    {
      id: "success",
      header: t("column.success"),
      width: "minmax(92px, 0.7fr)",
      align: "end",
      cell: ({ health }) => (health?.metrics.runSuccessPercent == null ? "–" : format.percent(health.metrics.runSuccessPercent / 100, language)),
    },
    {
      id: "failed",
      header: t("column.failed"),
      width: "minmax(84px, 0.6fr)",
      align: "end",
      cell: ({ health }) => health && <FailedCount failed={health.metrics.records.failed} />,
    },
    {
      id: "trend",
      header: t("column.trend"),
      width: "110px",
      isLeftOutOnPhones: true,
      cell: ({ id, health }) => health?.lastRun && <RowSparkline integrationId={id} />,
    },
  ];
  return (
    <Card flush>
      <VirtualTable
        label={t("list.title")}
        pages={pages}
        columns={columns}
        to={({ id }) => `/integrations/${id}`}
        sort={sortOf(address)}
        rowHeight={72}
        onSort={({ column, direction }) => setAddress({ sort: `${column}.${direction}` })}
      />
    </Card>
  );
}

function HealthCell({ health }: { health: NonNullable<IntegrationRowOf["health"]> }) {
  const { t } = useTranslation("integrations");
  const first = health.reasons[0];
  return (
    <span className={styles.health}>
      <StatusBadge kind="health" value={health.status} />
      {first && health.status !== "UNKNOWN" && <span className={styles.reason}>{t(`reason.${first.code}`, { defaultValue: first.message })}</span>}
    </span>
  );
}

function FailedCount({ failed }: { failed: number }) {
  return (
    <span className={styles.failed} data-some={failed > 0 || undefined}>
      <Count value={failed} />
    </span>
  );
}

import { useTranslation } from "react-i18next";
import type { Pages } from "@/api";
import { Count, Duration, StatusBadge, Time, VirtualTable, type Column } from "@/ui";
import { isOver, type RunRowOf } from "./runRow";
import styles from "./RunTable.module.css";

export interface RunTableProps {
  label: string;
  pages: Pick<Pages<RunRowOf>, "rows" | "hasMore" | "isLoadingMore" | "loadMore" | "problem">;
  /** Whose they are, where they are of several. */
  showIntegration?: boolean;
  /** Where a run leads; by default to its page. */
  to?: (run: RunRowOf) => string;
}

/** Runs below each other: how far each is, why it was started, how long it took, what came of its records. */
export function RunTable({ label, pages, showIntegration = false, to }: RunTableProps) {
  const { t } = useTranslation("runs");
  const columns: Column<RunRowOf>[] = [
    {
      id: "status",
      header: t("column.status"),
      width: "minmax(128px, 0.9fr)",
      isRowHeader: true,
      cell: (run) => <StatusBadge kind="run" value={run.status} />,
    },
    {
      id: "queuedAt",
      header: t("column.queuedAt"),
      width: "minmax(110px, 0.9fr)",
      cell: (run) => <Time at={run.queuedAt} />,
    },
    {
      id: "trigger",
      header: t("column.trigger"),
      width: "minmax(140px, 1.4fr)",
      cell: (run) => (
        <span className={styles.trigger}>
          {t(run.reconciliation && !run.retryOf ? "trigger.RECONCILIATION" : `trigger.${run.trigger}`)}
          <span className={styles.note}>{run.wait?.message ?? run.triggeredBy}</span>
        </span>
      ),
    },
    {
      id: "took",
      header: t("column.took"),
      width: "minmax(90px, 0.7fr)",
      align: "end",
      cell: (run) => <RunDuration run={run} />,
    },
    {
      id: "read",
      header: t("column.read"),
      width: "minmax(72px, 0.6fr)",
      align: "end",
      cell: (run) => <Count value={run.counts.read} />,
    },
    {
      id: "written",
      header: t("column.written"),
      width: "minmax(72px, 0.6fr)",
      align: "end",
      cell: (run) => <Count value={run.counts.created + run.counts.updated} />,
    },
    {
      id: "failed",
      header: t("column.failed"),
      width: "minmax(72px, 0.6fr)",
      align: "end",
      cell: (run) => (
        <span data-some={run.counts.failed > 0 || undefined} className={styles.failed}>
          <Count value={run.counts.failed} />
        </span>
      ),
    },
  ];
  if (showIntegration) {
    columns.splice(1, 0, {
      id: "integration",
      header: t("column.integration"),
      width: "minmax(140px, 1.6fr)",
      cell: (run) => run.integration.name,
    });
  }
  return <VirtualTable label={label} pages={pages} columns={columns} to={to ?? (({ id }) => `/runs/${id}`)} />;
}

/** How long a run took, or has been going on. */
function RunDuration({ run }: { run: RunRowOf }) {
  if (run.durationMs != null) return <Duration ms={run.durationMs} />;
  if (run.startedAt == null || isOver(run)) return <>–</>;
  return <Duration from={run.startedAt} />;
}

import { useTranslation } from "react-i18next";
import { graphql, type ResultOf, useEvery, usePages } from "@/api";
import type { RunStatus } from "@/api/generated/schema";
import { useTenantScope } from "@/app/session";
import { Badge, Card, type Column, EmptyState, ProblemBanner, Skeleton, StatusBadge, Time, VirtualTable } from "@/ui";
import styles from "./QueueCard.module.css";

const QUEUE = graphql(`
  query QueuedRuns($filter: RunFilter, $first: Int, $after: String) {
    runs(filter: $filter, orderBy: { field: QUEUED_AT, direction: ASC }, first: $first, after: $after) {
      edges {
        node {
          id
          status
          trigger
          queuedAt
          startedAt
          nextAttemptAt
          wait {
            reason
            message
          }
          integration {
            id
            name
            tenant {
              id
              name
            }
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type QueuedRun = ResultOf<typeof QUEUE>["runs"]["edges"][number]["node"];

const underWay: RunStatus[] = ["QUEUED", "RUNNING"];
const EVERY_MS = 5_000;

/** Runs that wait or go on, the oldest first, and what they wait for. */
export function QueueCard() {
  const { t } = useTranslation(["operations", "common"]);
  const { tenant } = useTenantScope();
  const pages = usePages({
    query: QUEUE,
    variables: { filter: { status: underWay, tenantId: tenant?.id ?? null } },
    connection: (data) => data.runs,
    pageSize: 100,
    typenames: ["Run"],
  });
  useEvery(EVERY_MS, pages.refresh);
  const reasons = new Map<string, number>();
  for (const { wait } of pages.rows) if (wait) reasons.set(wait.reason, (reasons.get(wait.reason) ?? 0) + 1);
  const columns: Column<QueuedRun>[] = [
    { id: "integration", header: t("queue.integration"), width: "minmax(180px, 2fr)", cell: ({ integration }) => integration.name },
    { id: "tenant", header: t("queue.tenant"), cell: ({ integration }) => integration.tenant.name },
    { id: "status", header: t("queue.status"), width: "minmax(110px, 1fr)", cell: (run) => <StatusBadge kind="run" value={run.status} /> },
    { id: "wait", header: t("queue.waitsFor"), width: "minmax(200px, 2.4fr)", cell: ({ wait }) => wait?.message ?? "–" },
    { id: "queued", header: t("queue.queued"), cell: ({ queuedAt }) => <Time at={queuedAt} /> },
    { id: "next", header: t("queue.next"), cell: ({ nextAttemptAt }) => (nextAttemptAt != null ? <Time at={nextAttemptAt} /> : "–"), isLeftOutOnPhones: true },
  ];
  return (
    <Card title={t("queue.title")} description={t("queue.lead")} flush>
      {reasons.size > 0 && (
        <ul className={styles.reasons} aria-label={t("queue.waitsFor")}>
          {[...reasons].map(([reason, count]) => (
            <li key={reason}>
              <Badge>{t(`queue.reason.${reason}`, { count: pages.hasMore ? `${count}+` : count })}</Badge>
            </li>
          ))}
        </ul>
      )}
      {pages.isLoading && <Skeleton lines={4} height={28} />}
      {pages.rows.length === 0 && pages.problem && <ProblemBanner problem={pages.problem} onRetry={pages.refresh} />}
      {!pages.isLoading && pages.rows.length === 0 && !pages.problem && <EmptyState title={t("queue.empty")} />}
      {pages.rows.length > 0 && <VirtualTable label={t("queue.title")} pages={pages} columns={columns} to={({ id }) => `/runs/${id}`} />}
    </Card>
  );
}

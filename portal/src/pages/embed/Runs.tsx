import { History } from "lucide-react";
import { useTranslation } from "react-i18next";
import { graphql, useLive, usePages } from "@/api";
import type { RunStatus } from "@/api/generated/schema";
import { RUN_CHANGED } from "@/pages/runs/runQuery";
import { RunTable } from "@/pages/runs/RunTable";
import { Card, EmptyState, ErrorState, FilterBar, Page, Skeleton, useAddress } from "@/ui";

const RUNS = graphql(`
  query EmbeddedRuns($filter: RunFilter, $first: Int, $after: String) {
    runs(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          ...RunRow
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const statuses = ["QUEUED", "RUNNING", "SUCCEEDED", "PARTIAL", "FAILED", "CANCELED", "RECOVERED"] as const satisfies RunStatus[];

/** Runs of all integrations of a tenant, or of the one that `?integration=` names, newest first and live. */
export default function Runs() {
  const { t } = useTranslation("embed");
  const [address] = useAddress();
  const integrationId = address.get("integration");
  const status = statuses.find((each) => each === address.get("status"));
  const pages = usePages({
    query: RUNS,
    variables: { filter: { ...(integrationId && { integrationId }), ...(status && { status: [status] }) } },
    connection: (data) => data.runs,
    typenames: ["Run"],
  });
  useLive(RUN_CHANGED, {
    variables: { integrationId },
    onChange: ({ runChanged }) => {
      if (pages.rows.some(({ id }) => id === runChanged.id)) pages.patch(runChanged);
      else pages.refresh();
    },
    onBehind: pages.refresh,
  });
  return (
    <Page title={t("runs.title")}>
      <FilterBar
        filters={[
          {
            kind: "choice",
            name: "status",
            label: t("runs.status"),
            options: statuses.map((id) => ({ id, label: t(`common:status.run.${id}`) })),
          },
        ]}
      />
      {pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.isLoading ? (
        <Skeleton lines={8} height={40} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<History size={32} aria-hidden />} title={t(status ? "runs.nothingFound" : "runs.empty")} />
      ) : (
        <Card flush>
          <RunTable label={t("runs.title")} pages={pages} showIntegration={integrationId === null} />
        </Card>
      )}
    </Page>
  );
}

import { useTranslation } from "react-i18next";
import { graphql, useLive, usePages } from "@/api";
import { RUN_CHANGED } from "@/pages/runs/runQuery";
import { RunStrip } from "@/pages/runs/RunStrip";
import { RunTable } from "@/pages/runs/RunTable";
import { Card, EmptyState, ErrorState, FilterBar, Skeleton, useAddress } from "@/ui";
import type { RunStatus, RunTrigger } from "@/api/generated/schema";

const RUNS_OF_INTEGRATION = graphql(`
  query RunsOfIntegration($id: ID!, $filter: RunFilter, $first: Int, $after: String) {
    integration(id: $id) {
      id
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
  }
`);

const statuses = ["QUEUED", "RUNNING", "SUCCEEDED", "PARTIAL", "FAILED", "CANCELED", "RECOVERED"] as const satisfies RunStatus[];
const triggers = ["MANUAL", "SCHEDULE", "WEBHOOK", "RETRY", "BACKFILL"] as const satisfies RunTrigger[];

/** Runs of an integration, newest first; those under way change by themselves, and new ones appear. */
export default function IntegrationRuns({ integrationId }: { integrationId: string }) {
  const { t } = useTranslation(["integrations", "runs", "common"]);
  const [address] = useAddress();
  const status = statuses.find((each) => each === address.get("status"));
  const trigger = triggers.find((each) => each === address.get("trigger"));
  const pages = usePages({
    query: RUNS_OF_INTEGRATION,
    variables: {
      id: integrationId,
      filter: { ...(status ? { status: [status] } : {}), ...(trigger ? { trigger: [trigger] } : {}) },
    },
    connection: (data) => data.integration?.runs,
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
  const isFiltered = status !== undefined || trigger !== undefined;
  return (
    <>
      <FilterBar
        filters={[
          {
            kind: "choice",
            name: "status",
            label: t("runs:column.status"),
            options: statuses.map((id) => ({ id, label: t(`common:status.run.${id}`) })),
          },
          {
            kind: "choice",
            name: "trigger",
            label: t("runs:column.trigger"),
            options: triggers.map((id) => ({ id, label: t(`runs:trigger.${id}`) })),
          },
        ]}
      />
      {pages.isLoading ? (
        <Skeleton lines={8} height={24} />
      ) : pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState title={t(isFiltered ? "list.nothingFound" : "noRuns")}>{t(isFiltered ? "list.nothingFoundHelp" : "noRunsHelp")}</EmptyState>
      ) : (
        <>
          <Card title={t("latestRuns")} description={t("latestRunsHelp")}>
            <RunStrip runs={pages.rows} />
          </Card>
          <Card flush>
            <RunTable label={t("tab.runs")} pages={pages} />
          </Card>
        </>
      )}
    </>
  );
}

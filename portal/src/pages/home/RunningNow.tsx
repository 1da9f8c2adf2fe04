import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useLive, usePages, useThrottled, type ResultOf } from "@/api";
import { Card, EmptyState, ErrorState, Skeleton } from "@/ui";
import { RecentRuns } from "./RecentRuns";
import { RunningRun } from "./RunningRun";
import styles from "./RunningNow.module.css";

export const RUNNING_RUN = graphql(`
  fragment RunningRun on Run {
    id
    status
    queuedAt
    startedAt
    finishedAt
    wait {
      reason
      message
    }
    counts {
      read
      created
      updated
      unchanged
      skipped
      failed
    }
    tenant {
      id
      name
    }
    integration {
      id
      name
    }
  }
`);

const RUNNING_NOW = graphql(`
  query RunningNow($filter: RunFilter, $first: Int, $after: String) {
    runs(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          ...RunningRun
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const RUNNING_CHANGED = graphql(`
  subscription RunningNowChanged($since: DateTime) {
    runChanged(since: $since) {
      ...RunningRun
    }
  }
`);

export type RunningRunOf = ResultOf<typeof RUNNING_RUN>;

interface RunningNowProps {
  tenantId: string | undefined;
  showsTenant: boolean;
  /** One has ended: what is summed up changes. */
  onEnded: () => void;
}

const SHOWN = 8;
const REFRESH_MS = 2_000;

/** Runs that are under way or wait, as they go on. */
export function RunningNow({ tenantId, showsTenant, onEnded }: RunningNowProps) {
  const { t } = useTranslation("home");
  // Made anew, the list of those that ended is read anew.
  const [ended, setEnded] = useState("");
  const pages = usePages({
    query: RUNNING_NOW,
    variables: { filter: { status: ["RUNNING", "QUEUED"], tenantId } },
    connection: (data) => data.runs,
    pageSize: SHOWN,
    typenames: ["Run"],
  });
  const refresh = useThrottled(pages.refresh, REFRESH_MS);
  useLive(RUNNING_CHANGED, {
    onChange: ({ runChanged }) => {
      if (runChanged.finishedAt !== null) {
        pages.remove([runChanged.id]);
        refresh();
        setEnded(runChanged.id);
        onEnded();
      } else if (pages.rows.some(({ id }) => id === runChanged.id)) {
        pages.patch(runChanged);
      } else {
        refresh();
      }
    },
    onBehind: refresh,
  });
  const rows = pages.rows.slice(0, SHOWN);
  return (
    <Card title={t("running.title")} flush>
      {pages.isLoading ? (
        <div className={styles.inset}>
          <Skeleton lines={3} height={32} />
        </div>
      ) : pages.problem && rows.length === 0 ? (
        <div className={styles.inset}>
          <ErrorState problem={pages.problem} onRetry={pages.refresh} />
        </div>
      ) : rows.length === 0 ? (
        <EmptyState title={t("running.none")}>{t("running.noneHelp")}</EmptyState>
      ) : (
        <ul className={styles.runs} aria-live="off">
          {rows.map((run) => (
            <li key={run.id}>
              <RunningRun run={run} showsTenant={showsTenant} />
            </li>
          ))}
          {(pages.hasMore || pages.rows.length > SHOWN) && <li className={styles.more}>{t("running.more")}</li>}
        </ul>
      )}
      <RecentRuns key={ended} tenantId={tenantId} showsTenant={showsTenant} />
    </Card>
  );
}

import { useTranslation } from "react-i18next";
import { FlowOfCounts, StageTimeline } from "@/charts";
import { useLanguage } from "@/i18n";
import { Banner, Card, Code, Count, Duration, format, KeyValue, Link, Time } from "@/ui";
import { isOver } from "./runRow";
import type { RunOfPage } from "./runQuery";
import styles from "./RunOverview.module.css";
import { stagesOf, type StageEvent } from "./stages";

/** A run at a glance: why it waits or failed, what became of its records, its stages, and what started it. */
export function RunOverview({ run, events }: { run: RunOfPage; events: readonly StageEvent[] }) {
  const { t } = useTranslation(["runs", "common"]);
  const language = useLanguage();
  const stages = stagesOf(run, events, {
    waiting: t("stage.waiting"),
    running: t("stage.running"),
    attempt: (number) => t("stage.attempt", { number }),
    waitingAgain: t("stage.waitingAgain"),
    stream: (name) => t("stage.stream", { name }),
    pages: (count, records) => t("stage.pages", { count, records: format.count(records, language) }),
  });
  return (
    <>
      {run.wait && (
        <Banner tone="info" title={t(`wait.${run.wait.reason}`)}>
          <p>{run.wait.message}</p>
          {run.nextAttemptAt != null && (
            <p>
              {t("nextAttempt")} <Time at={run.nextAttemptAt} />
            </p>
          )}
        </Banner>
      )}
      {run.failure && (
        <Banner
          tone="danger"
          title={run.failure.summary}
          actions={<Link to={`/failures/${run.failure.id}`}>{t("toFailure")}</Link>}
        >
          {run.failure.suggestedAction}
        </Banner>
      )}
      {run.counts.unaccounted > 0 && isOver(run) && (
        <Banner tone="warning">{t("unaccounted", { count: run.counts.unaccounted })}</Banner>
      )}
      <div className={styles.columns}>
        <Card>
          <FlowOfCounts counts={run.counts} failedTo={`/runs/${run.id}?tab=failures`} />
          {run.counts.deleted > 0 && (
            <p className={styles.deleted}>
              <Count value={run.counts.deleted} /> {t("deleted", { count: run.counts.deleted })}
            </p>
          )}
        </Card>
        <Card title={t("facts")}>
          <Facts run={run} />
        </Card>
      </div>
      <Card>
        <StageTimeline title={t("stages")} stages={stages} />
      </Card>
    </>
  );
}

function Facts({ run }: { run: RunOfPage }) {
  const { t } = useTranslation("runs");
  return (
    <KeyValue
      entries={[
        [t("column.trigger"), `${t(`trigger.${run.trigger}`)} · ${run.triggeredBy}`],
        [t("column.queuedAt"), <Time key="q" at={run.queuedAt} as="absolute" />],
        [t("startedAt"), run.startedAt != null && <Time key="s" at={run.startedAt} as="absolute" />],
        [t("finishedAt"), run.finishedAt != null && <Time key="f" at={run.finishedAt} as="absolute" />],
        [
          t("column.took"),
          run.durationMs != null ? (
            <Duration key="d" ms={run.durationMs} />
          ) : (
            run.startedAt != null && !isOver(run) && <Duration key="d" from={run.startedAt} />
          ),
        ],
        [
          t("retryOf"),
          run.retryOf && (
            <Link key="r" to={`/runs/${run.retryOf.id}`}>
              {t("toRetried")}
            </Link>
          ),
        ],
        [
          t("backfill"),
          run.backfill && (
            <Link key="b" to={`/integrations/${run.integration.id}?tab=backfills`}>
              {t("toBackfill")}
            </Link>
          ),
        ],
        [
          t("reconciliation"),
          run.reconciliation && (
            <Link key="c" to={`/integrations/${run.integration.id}?tab=reconciliation&reconciliation=${run.reconciliation.id}`}>
              {t(`reconciliationStatus.${run.reconciliation.status}`)}
            </Link>
          ),
        ],
        [t("trace"), run.traceId != null && <Code key="t">{run.traceId}</Code>],
      ]}
    />
  );
}

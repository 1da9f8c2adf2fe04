import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf } from "@/api";
import { Card, EmptyState, ErrorState, KeyValue, Link, Select, Skeleton, Time } from "@/ui";
import { ClueMetrics } from "./ClueMetrics";
import { EventList } from "./EventList";
import { LogLines } from "./LogLines";
import "./clueParts";

const FAILURE_CLUES = graphql(`
  query FailureClues($id: ID!, $windowSeconds: Int!) {
    failure(id: $id) {
      id
      clues(windowSeconds: $windowSeconds) {
        trigger {
          kind
          triggeredBy
          queuedAt
          retryOf {
            id
          }
          event {
            receivedAt
            eventType
          }
        }
        events {
          ...ClueEvent
        }
        logs {
          ...ClueLogLine
        }
        nearbyLogs {
          ...ClueLogLine
        }
        metrics {
          ...ClueMetric
        }
        traceId
        traceUrl
        redactions {
          field
          reason
        }
      }
    }
  }
`);

const windows = [60, 300, 600];

/** What may explain a failure: what started its run, and what went on around it; each layer for whom it is. */
export function FailureClues({ id, failedAt }: { id: string; failedAt: string }) {
  const { t } = useTranslation("failures");
  const [seconds, setSeconds] = useState(60);
  const [{ data, error }, execute] = useQuery({ query: FAILURE_CLUES, variables: { id, windowSeconds: seconds } });
  if (error) return <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />;
  const clues = data?.failure?.clues;
  if (!clues) return <Card><Skeleton lines={6} /></Card>;
  const { trigger } = clues;
  return (
    <>
      <Card
        title={t("clues.trigger")}
        actions={
          <Select
            label={t("clues.window")}
            hideLabel
            options={windows.map((each) => ({ id: String(each), label: t("clues.around", { count: each / 60 }) }))}
            value={String(seconds)}
            onChange={(key) => setSeconds(Number(key))}
          />
        }
      >
        <KeyValue
          entries={[
            [t("clues.kind"), t(`trigger.${trigger.kind}`)],
            [t("clues.by"), trigger.triggeredBy],
            [t("clues.at"), <Time key="at" at={trigger.queuedAt} as="absolute" />],
            [t("clues.retryOf"), trigger.retryOf && <Link key="run" to={`/runs/${trigger.retryOf.id}`}>{t("clues.toRun")}</Link>],
            [
              t("clues.event"),
              trigger.event && (
                <span key="event">
                  {trigger.event.eventType ?? t("clues.untyped")}, <Time at={trigger.event.receivedAt} as="absolute" />
                </span>
              ),
            ],
            [t("clues.trace"), clues.traceId !== null && (clues.traceUrl !== null ? <Link key="trace" href={clues.traceUrl}>{clues.traceId}</Link> : <code key="trace">{clues.traceId}</code>)],
          ]}
        />
      </Card>
      <Card title={t("clues.events")}>
        {clues.events.length === 0 ? <EmptyState title={t("clues.noEvents")} /> : <EventList events={clues.events} failedAt={failedAt} />}
      </Card>
      {clues.metrics && <ClueMetrics metrics={clues.metrics} />}
      {clues.logs && (
        <Card title={t("clues.logs")}>
          <LogLines lines={clues.logs} label={t("clues.logs")} />
        </Card>
      )}
      {clues.nearbyLogs && (
        <Card title={t("clues.nearby")} description={t("clues.nearbyLead")}>
          <LogLines lines={clues.nearbyLogs} label={t("clues.nearby")} />
        </Card>
      )}
    </>
  );
}

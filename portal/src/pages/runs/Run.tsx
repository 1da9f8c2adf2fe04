import { lazy, Suspense, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { useQuery } from "urql";
import { problemOf, useLive } from "@/api";
import { useIsStaff, usePermission } from "@/app/session";
import { useLanguage } from "@/i18n";
import { ErrorState, format, NotFound, Page, Skeleton, StatusBadge, Tabs, type TabEntry } from "@/ui";
import { RunActions } from "./RunActions";
import { RunEvents } from "./RunEvents";
import { RunOverview } from "./RunOverview";
import { isOver, type RunRowOf } from "./runRow";
import { RUN, RUN_CHANGED, RUN_EVENTS, type RunEventOf, type RunOfPage } from "./runQuery";
import { useTail, type Tail } from "./useTail";

// Parts of the page are loaded when they are looked at.
const RunFailures = lazy(() => import("./RunFailures"));
const RunLogs = lazy(() => import("./RunLogs"));
const RunMetrics = lazy(() => import("./RunMetrics"));
const RunSlices = lazy(() => import("./RunSlices"));

/** Nothing comes of it any more; what failed may still be recovered. */
const isFinal = new Set<string>(["SUCCEEDED", "RECOVERED", "CANCELED"]);

/** So many events are read at once, for the picture of the stages. */
const EVENTS_AHEAD = 500;

/** One run: how far it is, stage by stage, what became of its records, and everything that was told and logged of it. */
export default function Run() {
  const { id = "" } = useParams();
  const { t } = useTranslation("runs");
  const withFailures = usePermission("failures:read");
  const withMetrics = usePermission("diagnostics:read");
  const withInternals = usePermission("internals:read");
  const [{ data, error, stale }, readAnew] = useQuery({
    query: RUN,
    variables: { id, withFailures, withMetrics, withInternals },
    requestPolicy: "cache-and-network",
  });
  const [live, setLive] = useState<{ on: unknown; run: RunRowOf } | null>(null);
  const events = useTail({ query: RUN_EVENTS, variables: { id }, connection: ({ run }) => run?.events, ahead: EVENTS_AHEAD });
  const stored = data?.run;
  // What was heard is newer than what was read, until that is read anew.
  const run = stored && live?.on === data && live.run.id === id ? { ...stored, ...live.run, reconciliation: stored.reconciliation } : stored;
  useLive(RUN_CHANGED, {
    variables: { runId: id },
    paused: !stored || isFinal.has(run?.status ?? ""),
    onChange: ({ runChanged }) => {
      setLive({ on: data, run: runChanged });
      events.catchUp();
      // Its end brings what only the query has: why it failed, what it cost.
      if (run && isOver(runChanged) && !isOver(run)) readAnew({ requestPolicy: "network-only" });
    },
    onBehind: () => {
      readAnew({ requestPolicy: "network-only" });
      events.catchUp();
    },
  });
  if (error && !data) return <ErrorState problem={problemOf(error)} onRetry={() => readAnew({ requestPolicy: "network-only" })} />;
  if (!data || (stale && !data.run)) {
    return (
      <Page title={t("title")}>
        <Skeleton lines={10} />
      </Page>
    );
  }
  return run ? <KnownRun run={run} events={events} /> : <NotFound />;
}

function KnownRun({ run, events }: { run: RunOfPage; events: Tail<RunEventOf> }) {
  const { t } = useTranslation(["runs", "common"]);
  const language = useLanguage();
  const isStaff = useIsStaff();
  const withFailures = usePermission("failures:read");
  const withInternals = usePermission("internals:read");
  const title = t("titleOf", { at: format.dateTime(run.queuedAt, language) });
  const tabs: (TabEntry | false)[] = [
    { id: "events", label: t("tab.events"), content: () => <RunEvents events={events} /> },
    withFailures && { id: "failures", label: t("tab.failures"), content: () => part(<RunFailures run={run} />) },
    run.slices.edges.length > 0 && { id: "slices", label: t("tab.slices"), content: () => part(<RunSlices run={run} />) },
    withInternals && { id: "logs", label: t("tab.logs"), content: () => part(<RunLogs run={run} />) },
    run.metrics != null && { id: "metrics", label: t("tab.metrics"), content: () => part(<RunMetrics run={run} />) },
  ];
  return (
    <Page
      title={title}
      heading={
        <>
          {title}
          <StatusBadge kind="run" value={run.status} />
        </>
      }
      breadcrumbs={[
        ...(isStaff ? [{ label: run.tenant.name, to: `/tenants/${run.tenant.id}` }] : []),
        { label: t("common:navigation.integrations"), to: "/integrations" },
        { label: run.integration.name, to: `/integrations/${run.integration.id}` },
        { label: t("runs"), to: `/integrations/${run.integration.id}?tab=runs` },
      ]}
      actions={<RunActions run={run} />}
    >
      <p role="status" className="visually-hidden">
        {t(`common:status.run.${run.status}`)}
      </p>
      <RunOverview run={run} events={events.rows} />
      <Tabs label={t("parts")} tabs={tabs.filter((tab) => tab !== false)} />
    </Page>
  );
}

function part(content: ReactNode) {
  return <Suspense fallback={<Skeleton lines={6} />}>{content}</Suspense>;
}

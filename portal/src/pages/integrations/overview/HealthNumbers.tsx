import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { problemOf } from "@/api";
import { usePermission } from "@/app/session";
import { useLanguage } from "@/i18n";
import { Card, ErrorState, format, Skeleton, Time } from "@/ui";
import { FreshnessWords } from "../FreshnessWords";
import type { IntegrationOfPage } from "../integrationQuery";
import { HealthCharts } from "./HealthCharts";
import { HEALTH, type HealthOf } from "./healthQuery";
import styles from "./Overview.module.css";
import { periods, type Period } from "./period";

const FailureHeatMap = lazy(() => import("@/pages/failures/FailureHeatMap").then((module) => ({ default: module.FailureHeatMap })));

/** Success 99 % unless a target says otherwise, as the server has it. */
const SUCCESS_PERCENT = 99;

interface HealthNumbersProps {
  integration: IntegrationOfPage;
  period: Period;
  /** Another one means that runs have ended since. */
  revision: number;
}

/** The numbers of a span beside what is expected, alerts that are open, and the pictures. */
export function HealthNumbers({ integration, period, revision }: HealthNumbersProps) {
  const readsFailures = usePermission("failures:read");
  const { hours, by } = periods[period];
  const [points] = useState(() => periods[period].points());
  const [{ data, error }, readAnew] = useQuery({
    query: HEALTH,
    variables: { id: integration.id, windowHours: hours, by, from: points[0] ?? "" },
    requestPolicy: "cache-and-network",
  });
  useEffect(() => {
    if (revision > 0) readAnew({ requestPolicy: "network-only" });
  }, [revision, readAnew]);
  const health = data?.integration?.health;
  if (error && !data) return <ErrorState problem={problemOf(error)} onRetry={() => readAnew({ requestPolicy: "network-only" })} />;
  if (!data?.integration || !health) return <Skeleton lines={6} height={40} />;
  return (
    <>
      <Tiles integration={integration} measured={data.integration} />
      <Alerts alerts={data.integration.healthAlerts.edges.map(({ node }) => node)} />
      <HealthCharts period={period} points={points} series={health.series} targets={data.integration.healthTargets} />
      {readsFailures && (
        <Suspense fallback={<Skeleton lines={7} height={24} />}>
          <FailureHeatMap
            tenantId={integration.tenant.id}
            integrationId={integration.id}
            to={(hour) => `/integrations/${integration.id}?${new URLSearchParams({ tab: "failures", hour }).toString()}`}
          />
        </Suspense>
      )}
    </>
  );
}

function Tiles({ integration, measured }: { integration: IntegrationOfPage; measured: HealthOf }) {
  const { t } = useTranslation("integrations");
  const language = useLanguage();
  const { health, healthTargets: targets } = measured;
  if (!health) return null;
  const { metrics } = health;
  const runs = metrics.runs.succeeded + metrics.runs.partial + metrics.runs.failed;
  const expected = targets.runSuccessPercent ?? SUCCESS_PERCENT;
  const percent = (value: number | null | undefined) => (value == null ? "–" : format.percent(value / 100, language));
  const took = (ms: number | null | undefined) => (ms == null ? "–" : format.duration(ms, language));
  const isLate = integration.health?.freshness.isLate ?? false;
  const isSlow = targets.latencyP95Ms != null && metrics.latencyP95Ms != null && metrics.latencyP95Ms > targets.latencyP95Ms;
  const tiles = [
    {
      id: "success",
      value: percent(metrics.runSuccessPercent),
      note: t("tile.successNote", { count: runs, expected: percent(expected) }),
      isMissed: metrics.runSuccessPercent != null && metrics.runSuccessPercent < expected,
    },
    {
      id: "records",
      value: format.count(metrics.records.read, language),
      note: t("tile.recordsNote", { percent: percent(metrics.recordSuccessPercent) }),
    },
    {
      id: "failed",
      value: format.count(metrics.records.failed, language),
      note: t("tile.failedNote"),
      isMissed: metrics.records.failed > 0,
    },
    {
      id: "latency",
      value: took(metrics.latencyP50Ms),
      note: t(targets.latencyP95Ms == null ? "tile.latencyNote" : "tile.latencyTarget", {
        p95: took(metrics.latencyP95Ms),
        target: took(targets.latencyP95Ms),
      }),
      isMissed: isSlow,
    },
    {
      id: "freshness",
      value: integration.health ? <FreshnessWords freshness={integration.health.freshness} /> : "–",
      note: freshnessNote(),
      isMissed: isLate,
    },
  ];
  function freshnessNote() {
    if (targets.freshnessSeconds != null) {
      return t("tile.freshnessTarget", { target: format.duration(targets.freshnessSeconds * 1_000, language) });
    }
    const lateAt = integration.health?.freshness.lateAt;
    return lateAt == null ? (
      t("tile.freshnessNone")
    ) : (
      <>
        {t("tile.freshnessLate")} <Time at={lateAt} as="absolute" />
      </>
    );
  }
  return (
    <dl className={styles.tiles}>
      {tiles.map(({ id, value, note, isMissed }) => (
        <div key={id} className={styles.tile} data-missed={isMissed || undefined}>
          <dt>{t(`tile.${id}`)}</dt>
          <dd data-words={typeof value !== "string" || undefined}>{value}</dd>
          <dd className={styles.note}>{note}</dd>
        </div>
      ))}
    </dl>
  );
}

type Alert = HealthOf["healthAlerts"]["edges"][number]["node"];

function Alerts({ alerts }: { alerts: readonly Alert[] }) {
  const { t } = useTranslation("integrations");
  const language = useLanguage();
  if (alerts.length === 0) return null;
  const write = (kind: Alert["kind"], value: number) => {
    if (kind === "SUCCESS_RATE") return format.percent(value / 100, language);
    if (kind === "LATENCY") return format.duration(value, language);
    if (kind === "FRESHNESS") return format.duration(value * 1_000, language);
    return t("alerts.records", { count: value, records: format.count(value, language) });
  };
  return (
    <Card title={t("alerts.title")}>
      <ul className={styles.alerts}>
        {alerts.map(({ id, kind, observed, expected, openedAt }) => (
          <li key={id} className={styles.alert}>
            <strong>{t(`alerts.${kind}`)}</strong>
            <span>{t("alerts.observed", { observed: write(kind, observed), expected: write(kind, expected) })}</span>
            <span className={styles.muted}>
              {t("standing.since")} <Time at={openedAt} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

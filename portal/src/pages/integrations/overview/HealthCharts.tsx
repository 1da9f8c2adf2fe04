import { useTranslation } from "react-i18next";
import { TimeSeries } from "@/charts";
import { useLanguage } from "@/i18n";
import { Card, format } from "@/ui";
import type { HealthOf, Measured } from "./healthQuery";
import styles from "./Overview.module.css";
import { periods, type Period } from "./period";

interface HealthChartsProps {
  period: Period;
  /** The beginnings of all hours or days, also of those in which nothing ran. */
  points: readonly string[];
  series: readonly Measured[];
  targets: HealthOf["healthTargets"];
}

/** Success, volume and duration over time. */
export function HealthCharts({ period, points, series, targets }: HealthChartsProps) {
  const { t } = useTranslation(["integrations", "common"]);
  const language = useLanguage();
  const { step } = periods[period];
  const byTime = new Map(series.map((measured) => [Date.parse(measured.from), measured]));
  const all = points.map((at) => ({ at, measured: byTime.get(Date.parse(at)) }));
  const isEmpty = series.length === 0;
  return (
    <div className={styles.charts}>
      <Card>
        <TimeSeries
          title={t("chart.volume")}
          step={step}
          isStacked
          points={
            isEmpty
              ? []
              : all.map(({ at, measured }) => ({
                  at,
                  values: {
                    written: measured && measured.records.created + measured.records.updated,
                    unchanged: measured?.records.unchanged,
                    skipped: measured?.records.skipped,
                    failed: measured?.records.failed,
                  },
                }))
          }
          series={[
            { id: "written", label: t("chart.written"), kind: "bar", colour: 2 },
            { id: "unchanged", label: t("chart.unchanged"), kind: "bar", colour: 6 },
            { id: "skipped", label: t("chart.skipped"), kind: "bar", colour: 1 },
            { id: "failed", label: t("chart.failed"), kind: "bar", colour: "danger" },
          ]}
        />
      </Card>
      <Card>
        <TimeSeries
          title={t("chart.runs")}
          step={step}
          isStacked
          points={
            isEmpty
              ? []
              : all.map(({ at, measured }) => ({
                  at,
                  values: {
                    succeeded: measured?.runs.succeeded,
                    partial: measured?.runs.partial,
                    failed: measured?.runs.failed,
                    canceled: measured?.runs.canceled,
                  },
                }))
          }
          series={[
            { id: "succeeded", label: t("common:status.run.SUCCEEDED"), kind: "bar", colour: 2 },
            { id: "partial", label: t("common:status.run.PARTIAL"), kind: "bar", colour: 3 },
            { id: "failed", label: t("common:status.run.FAILED"), kind: "bar", colour: "danger" },
            { id: "canceled", label: t("common:status.run.CANCELED"), kind: "bar", colour: 6 },
          ]}
        />
      </Card>
      <Card>
        <TimeSeries
          title={t("chart.success")}
          step={step}
          max={1}
          format={(value) => format.percent(value, language)}
          points={
            isEmpty
              ? []
              : all.map(({ at, measured }) => ({
                  at,
                  values: { runs: share(measured?.runSuccessPercent), records: share(measured?.recordSuccessPercent) },
                }))
          }
          series={[
            { id: "runs", label: t("chart.runShare") },
            { id: "records", label: t("chart.recordShare") },
          ]}
        />
      </Card>
      <Card>
        <TimeSeries
          title={targets.latencyP95Ms == null ? t("chart.latency") : t("chart.latencyTarget", { target: format.duration(targets.latencyP95Ms, language) })}
          step={step}
          format={(value) => format.duration(value, language)}
          points={
            isEmpty
              ? []
              : all.map(({ at, measured }) => ({ at, values: { p50: measured?.latencyP50Ms, p95: measured?.latencyP95Ms } }))
          }
          series={[
            { id: "p50", label: t("chart.p50") },
            { id: "p95", label: t("chart.p95") },
          ]}
          bands={[{ low: "p50", high: "p95", label: t("chart.band") }]}
        />
      </Card>
    </div>
  );
}

const share = (percent: number | null | undefined) => (percent == null ? null : percent / 100);

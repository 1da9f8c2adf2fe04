import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { TimeSeries } from "@/charts";
import { useLanguage } from "@/i18n";
import { Card, format, Skeleton } from "@/ui";
import styles from "./HealthCharts.module.css";
import type { HomeHealth } from "./homeHealth";
import { atSteps, type Span } from "./span";

interface HealthChartsProps {
  health: HomeHealth | null | undefined;
  steps: readonly string[];
  span: Span;
}

/** How it went: what arrived, how many, and how long runs took. */
export function HealthCharts({ health, steps, span }: HealthChartsProps) {
  const { t } = useTranslation(["home", "common"]);
  const language = useLanguage();
  const points = health && atSteps(health.series, steps);
  const step = span === "day" ? "hour" : "day";
  const isQuiet = health?.series.length === 0;
  const percent = (value: number) => format.percent(value / 100, language);
  const chart = (content: () => ReactNode) => <Card>{points ? content() : <Skeleton lines={6} height={24} />}</Card>;
  return (
    <div className={styles.charts}>
      {chart(() => (
        <TimeSeries
          title={t("chart.volume")}
          isStacked
          step={step}
          points={isQuiet ? [] : (points ?? []).map(({ at, entry }) => ({ at, values: entry ? { ...entry.records } : {} }))}
          series={[
            { id: "created", label: t("common:charts.counts.created"), kind: "bar", colour: 2 },
            { id: "updated", label: t("common:charts.counts.updated"), kind: "bar", colour: 1 },
            { id: "unchanged", label: t("common:charts.counts.unchanged"), kind: "bar", colour: 6 },
            { id: "skipped", label: t("common:charts.counts.skipped"), kind: "bar", colour: 5 },
            { id: "failed", label: t("common:charts.counts.failed"), kind: "bar", colour: "danger" },
          ]}
        />
      ))}
      {chart(() => (
        <TimeSeries
          title={t("chart.success")}
          step={step}
          max={100}
          format={percent}
          points={isQuiet ? [] : (points ?? []).map(({ at, entry }) => ({ at, values: { records: entry?.recordSuccessPercent, runs: entry?.runSuccessPercent } }))}
          series={[
            { id: "records", label: t("chart.records"), colour: 2 },
            { id: "runs", label: t("chart.runs"), colour: 1 },
          ]}
        />
      ))}
      {chart(() => (
        <TimeSeries
          title={t("chart.latency")}
          step={step}
          format={(value) => format.duration(value, language)}
          points={isQuiet ? [] : (points ?? []).map(({ at, entry }) => ({ at, values: { p50: entry?.latencyP50Ms, p95: entry?.latencyP95Ms } }))}
          series={[{ id: "p50", label: t("chart.p50"), colour: 1 }]}
          bands={[{ low: "p50", high: "p95", label: t("chart.band"), colour: 1 }]}
        />
      ))}
    </div>
  );
}

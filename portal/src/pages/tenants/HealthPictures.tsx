import { useTranslation } from "react-i18next";
import { FlowOfCounts, TimeSeries } from "@/charts";
import { useLanguage } from "@/i18n";
import { format } from "@/ui";
import { Figures } from "./Figures";
import styles from "./HealthPictures.module.css";
import type { HealthOverview } from "./healthSeries";

/** What became of runs and records in a day, and how long they took. */
export function HealthPictures({ health }: { health: HealthOverview }) {
  const { t } = useTranslation("tenants");
  const language = useLanguage();
  const { metrics, series } = health;
  const { runs } = metrics;
  const share = (value: number | null | undefined) => (value == null ? "–" : format.percent(value / 100, language));
  const took = (value: number | null | undefined) => (value == null ? "–" : format.duration(value, language));
  return (
    <>
      <Figures
        label={t("picture.day")}
        hideLabel
        figures={[
          [t("picture.runs"), format.count(runs.succeeded + runs.partial + runs.failed + runs.canceled, language)],
          [t("picture.runSuccess"), share(metrics.runSuccessPercent)],
          [t("picture.recordSuccess"), share(metrics.recordSuccessPercent)],
          [t("picture.p50"), took(metrics.latencyP50Ms)],
          [t("picture.p95"), took(metrics.latencyP95Ms)],
        ]}
      />
      <div className={styles.pictures}>
        <TimeSeries
          title={t("picture.runsByHour")}
          isStacked
          points={series.map((hour) => ({ at: hour.from, values: { ...hour.runs } }))}
          series={[
            { id: "succeeded", label: t("picture.succeeded"), kind: "bar", colour: "success" },
            { id: "partial", label: t("picture.partial"), kind: "bar", colour: "warning" },
            { id: "failed", label: t("picture.failed"), kind: "bar", colour: "danger" },
          ]}
        />
        <TimeSeries
          title={t("picture.latency")}
          points={series.map((hour) => ({ at: hour.from, values: { p50: hour.latencyP50Ms, p95: hour.latencyP95Ms } }))}
          series={[{ id: "p50", label: t("picture.p50"), kind: "line" }]}
          bands={[{ low: "p50", high: "p95", label: t("picture.band") }]}
          format={(value) => format.duration(value, language)}
        />
      </div>
      {metrics.records.read > 0 && <FlowOfCounts counts={metrics.records} />}
    </>
  );
}

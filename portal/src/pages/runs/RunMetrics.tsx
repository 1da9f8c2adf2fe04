import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ShowAsTable } from "@/charts";
import { useLanguage } from "@/i18n";
import { Card, Count, format, KeyValue, Time } from "@/ui";
import type { RunOfPage } from "./runQuery";
import styles from "./RunMetrics.module.css";

/** What a run cost, for staff: where its time went, and what went through it. */
export default function RunMetrics({ run }: { run: RunOfPage }) {
  const { t } = useTranslation("runs");
  const language = useLanguage();
  const { metrics } = run;
  if (!metrics) return null;
  const took = (ms: number) => format.duration(ms, language);
  const shares = (["sourceWaitMs", "destinationWaitMs", "mappingMs", "storingMs"] as const).map((id) => ({ id, ms: metrics[id] }));
  const most = Math.max(1, metrics.workedMs, ...shares.map(({ ms }) => ms));
  const facts: [string, ReactNode][] = [
    [t("metrics.recordsPerSecond"), metrics.recordsPerSecond != null && format.count(Math.round(metrics.recordsPerSecond * 10) / 10, language)],
    [t("metrics.pageCount"), <Count key="p" value={metrics.pageCount} />],
    [t("metrics.readBytes"), format.bytes(metrics.readBytes, language)],
    [t("metrics.writtenBytes"), format.bytes(metrics.writtenBytes, language)],
    [t("metrics.throttledMs"), took(metrics.throttledMs)],
    [t("metrics.retryCount"), <Count key="r" value={metrics.retryCount} />],
    [t("metrics.attemptCount"), <Count key="a" value={metrics.attemptCount} />],
    [t("metrics.takenOverCount"), <Count key="t" value={metrics.takenOverCount} />],
    [t("metrics.peakMemoryBytes"), metrics.peakMemoryBytes != null && format.bytes(metrics.peakMemoryBytes, language)],
    [t("metrics.updatedAt"), <Time key="u" at={metrics.updatedAt} />],
  ];
  return (
    <div className={styles.columns}>
      <Card>
        <ShowAsTable
          title={t("metrics.time")}
          table={() => ({
            columns: [t("metrics.part"), t("column.took")],
            rows: [[t("metrics.workedMs"), took(metrics.workedMs)], ...shares.map(({ id, ms }) => [t(`metrics.${id}`), took(ms)])],
          })}
        >
          <ul className={styles.bars}>
            {[{ id: "workedMs" as const, ms: metrics.workedMs }, ...shares].map(({ id, ms }) => (
              <li key={id}>
                <span>{t(`metrics.${id}`)}</span>
                <span className={styles.track}>
                  <span className={styles.bar} data-whole={id === "workedMs" || undefined} style={{ width: `${(ms / most) * 100}%` }} />
                </span>
                <span className={styles.took}>{took(ms)}</span>
              </li>
            ))}
          </ul>
        </ShowAsTable>
        <p className={styles.note}>{t("metrics.overlap")}</p>
      </Card>
      <Card title={t("metrics.through")}>
        <KeyValue entries={facts} />
      </Card>
    </div>
  );
}

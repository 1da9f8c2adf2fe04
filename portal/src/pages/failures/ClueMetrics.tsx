import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { Card, Count, Duration, format, KeyValue } from "@/ui";
import type { ClueMetric } from "./clueParts";

/** What the run cost, for staff. */
export function ClueMetrics({ metrics }: { metrics: ClueMetric }) {
  const { t } = useTranslation("failures");
  const language = useLanguage();
  const times = ["workedMs", "sourceWaitMs", "destinationWaitMs", "mappingMs", "storingMs", "throttledMs"] as const;
  const counts = ["pageCount", "retryCount", "attemptCount", "takenOverCount"] as const;
  return (
    <Card title={t("metrics.title")}>
      <KeyValue
        entries={[
          ...times.map((name) => [t(`metrics.${name}`), <Duration key={name} ms={metrics[name]} />] as const),
          [t("metrics.rate"), metrics.recordsPerSecond !== null && format.count(Math.round(metrics.recordsPerSecond), language)],
          ...counts.map((name) => [t(`metrics.${name}`), <Count key={name} value={metrics[name]} />] as const),
          [t("metrics.readBytes"), format.bytes(metrics.readBytes, language)],
          [t("metrics.writtenBytes"), format.bytes(metrics.writtenBytes, language)],
          [t("metrics.peakMemoryBytes"), metrics.peakMemoryBytes !== null && format.bytes(metrics.peakMemoryBytes, language)],
        ]}
      />
    </Card>
  );
}

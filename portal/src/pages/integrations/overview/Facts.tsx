import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Card, KeyValue, Link, StatusBadge, Time } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import styles from "./Overview.module.css";

const CronWords = lazy(() => import("../schedule/CronWords"));

/** From where to where, what, and when. */
export function Facts({ integration }: { integration: IntegrationOfPage }) {
  const { t } = useTranslation("integrations");
  const { source, destination, schedule, streams } = integration;
  const system = (end: NonNullable<IntegrationOfPage["source"]>) => (
    <span className={styles.contact}>
      <span>
        <Link to={`/systems/${end.id}`}>{end.name}</Link> <StatusBadge kind="system" value={end.status} />
      </span>
      <span className={styles.muted}>{end.connector.title}</span>
    </span>
  );
  return (
    <Card title={t("facts.title")}>
      <KeyValue
        entries={[
          [t("facts.source"), source && system(source)],
          [t("facts.destination"), destination && system(destination)],
          [t("facts.streams"), streams.map(({ name }) => name).join(", ")],
          [
            t("facts.schedule"),
            schedule ? (
              <Suspense fallback={schedule.cron}>
                <CronWords cron={schedule.cron} /> ({schedule.timeZone})
              </Suspense>
            ) : (
              t("facts.onDemand")
            ),
          ],
          [t("facts.nextRun"), schedule?.nextRunAt != null && <Time at={schedule.nextRunAt} />],
          [
            t("facts.failedRuns"),
            integration.failedRunCount > 0 &&
              t(integration.holdAfter > 0 ? "facts.failedRunsOf" : "facts.failedRunsOnly", {
                count: integration.failedRunCount,
                holdAfter: integration.holdAfter,
              }),
          ],
          [t("facts.createdAt"), <Time key="c" at={integration.createdAt} />],
          [t("facts.updatedAt"), <Time key="u" at={integration.updatedAt} />],
        ]}
      />
    </Card>
  );
}

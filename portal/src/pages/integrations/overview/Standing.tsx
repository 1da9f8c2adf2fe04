import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { SuggestedActions } from "@/actions";
import type { HealthReasonCode } from "@/api/generated/schema";
import { Banner, Card, Link, Skeleton, StatusBadge, Time } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import styles from "./Overview.module.css";

/** Why an integration is not as it should be, since when, and how it goes on: what helps most first. */
export function Standing({ integration, onChange }: { integration: IntegrationOfPage; onChange: () => void }) {
  const { t } = useTranslation("integrations");
  const { health, hold, status } = integration;
  if (status === "ARCHIVED") return <Banner tone="info">{t("standing.archived")}</Banner>;
  const isWell = health == null || ["HEALTHY", "RUNNING", "PAUSED"].includes(health.status);
  return (
    <>
      {hold && (
        <Banner tone="danger" title={t("standing.held")}>
          <p>{hold.reason}</p>
          <p>
            {t("standing.since")} <Time at={hold.since} />. {t("standing.kept")}
          </p>
        </Banner>
      )}
      {status === "PAUSED" && (
        <Banner tone="info" title={t("standing.paused")}>
          {integration.statusReason != null && <p>{integration.statusReason}</p>}
          <p>{t("standing.kept")}</p>
        </Banner>
      )}
      {(!isWell || integration.actions.length > 0) && (
        <Card
          title={t("standing.title")}
          description={
            health && (
              <>
                <StatusBadge kind="health" value={health.status} /> {t("standing.since")} <Time at={health.since} />
              </>
            )
          }
        >
          {health && health.reasons.length > 0 && (
            <ul className={styles.reasons}>
              {health.reasons.map(({ code, message }) => (
                <li key={code}>
                  {t(`reason.${code}`, { defaultValue: message })} <ReasonLink code={code} integration={integration} />
                </li>
              ))}
            </ul>
          )}
          {integration.actions.length > 0 && (
            // Its words are loaded when it comes, which must not take the page away.
            <Suspense fallback={<Skeleton lines={2} />}>
              <SuggestedActions actions={integration.actions} onDone={onChange} />
            </Suspense>
          )}
        </Card>
      )}
    </>
  );
}

/** Where one sees more of it. */
function ReasonLink({ code, integration }: { code: HealthReasonCode; integration: IntegrationOfPage }) {
  const { t } = useTranslation("integrations");
  const here = `/integrations/${integration.id}`;
  const lastRun = integration.health?.lastRun;
  if (code === "OPEN_FAILURES") return <Link to={`${here}?tab=failures&status=OPEN`}>{t("standing.toFailures")}</Link>;
  if (code === "SYNTHETIC_FAILED") return <Link to={`${here}?tab=settings&part=test`}>{t("standing.toTestRecord")}</Link>;
  if ((code === "LAST_RUN_FAILED" || code === "LAST_RUN_PARTIAL") && lastRun) {
    return <Link to={`/runs/${lastRun.id}`}>{t("standing.toLastRun")}</Link>;
  }
  return null;
}

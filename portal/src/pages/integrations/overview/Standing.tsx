import { useTranslation } from "react-i18next";
import { SuggestedActions } from "@/actions";
import { Banner, Card, StatusBadge, Time } from "@/ui";
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
                <li key={code}>{t(`reason.${code}`, { defaultValue: message })}</li>
              ))}
            </ul>
          )}
          {integration.actions.length > 0 && <SuggestedActions actions={integration.actions} onDone={onChange} />}
        </Card>
      )}
    </>
  );
}

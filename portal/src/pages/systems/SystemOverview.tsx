import { useTranslation } from "react-i18next";
import { SuggestedActions } from "@/actions";
import { usePermission } from "@/app/session";
import { Card, KeyValue, Time } from "@/ui";
import { AuthorizationCard } from "./AuthorizationCard";
import { CircuitNote } from "./CircuitNote";
import { isPaced } from "./credentials";
import type { SystemOfPage } from "./systemQuery";
import styles from "./Systems.module.css";
import { TestResult } from "./TestResult";
import { UsesCard } from "./UsesCard";
import { WebhookCard } from "./WebhookCard";

/** How a system is, and what to do about it; what uses it. */
export function SystemOverview({ system, isTesting }: { system: SystemOfPage; isTesting: boolean }) {
  const { t } = useTranslation("systems");
  const mayTest = usePermission("systems:test");
  // Whoever may test has a button for it above.
  const steps = system.actions.filter(({ kind }) => !mayTest || kind !== "TEST_SYSTEM");
  return (
    <div className={styles.columns}>
      <div className={styles.column}>
        <Card title={t("condition")}>
          <TestResult system={system} isBusy={isTesting} />
          <CircuitNote circuit={system.circuit} />
          {steps.length > 0 && !isTesting && <SuggestedActions actions={steps} />}
        </Card>
        <UsesCard system={system} />
      </div>
      <div className={styles.column}>
        {system.authorization && <AuthorizationCard system={system} authorization={system.authorization} />}
        {system.webhook && <WebhookCard systemId={system.id} webhook={system.webhook} />}
        <Card title={t("facts")}>
          <KeyValue
            entries={[
              [t("column.connector"), system.connector.title],
              [t("credentials.title"), t(system.hasCredentials ? "credentials.stored" : "credentials.none")],
              [
                t("rate.title"),
                isPaced(system.connector.name) && (system.rateLimit ? t("rate.is", { count: system.rateLimit.requestsPerMinute, burst: system.rateLimit.burst }) : t("rate.unlimited")),
              ],
              [t("createdAt"), <Time key="createdAt" at={system.createdAt} />],
            ]}
          />
        </Card>
      </div>
    </div>
  );
}

import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useThrottled } from "@/api";
import { useIsStaff, usePermission, useTenantScope } from "@/app/session";
import { Page, ProblemBanner, useAddress } from "@/ui";
import { HealthTiles } from "./HealthTiles";
import styles from "./Home.module.css";
import { OpenIncidents } from "./OpenIncidents";
import { RunningNow } from "./RunningNow";
import { SpanChoice } from "./SpanChoice";
import { TrafficLights } from "./TrafficLights";
import { UrgentGroups } from "./UrgentGroups";
import { useHomeHealth } from "./useHomeHealth";

// Pictures stand below what is seen first, and each brings a table: the page does not wait for them.
const HealthCharts = lazy(async () => ({ default: (await import("./HealthCharts")).HealthCharts }));

/** How things stand: what needs one, how the integrations are, what runs, and how it went. */
export default function Home() {
  const { t } = useTranslation("home");
  const { tenant } = useTenantScope();
  const isStaff = useIsStaff();
  const readsRuns = usePermission("runs:read");
  const readsAll = usePermission("diagnostics:read");
  const readsFailures = usePermission("failures:read");
  const readsIntegrations = usePermission("integrations:read");
  const readsIncidents = usePermission("incidents:read");
  const [address] = useAddress();
  const span = address.get("span") === "week" ? "week" : "day";
  const knowsHealth = readsRuns && (tenant !== null || readsAll);
  const { health, steps, problem, refresh } = useHomeHealth(tenant?.id, span, !knowsHealth);
  const renew = useThrottled(refresh, 5_000);
  const showsTenant = isStaff && tenant === null;
  return (
    <Page
      title={t("title")}
      description={isStaff ? (tenant?.name ?? t("leadStaff")) : t("lead")}
      width="wide"
      actions={knowsHealth && <SpanChoice span={span} />}
    >
      {problem && <ProblemBanner problem={problem} onRetry={refresh} />}
      <HealthTiles health={health} isKnown={knowsHealth} tenantId={tenant?.id} readsFailures={readsFailures} span={span} />
      <div className={styles.columns}>
        <div className={styles.column}>
          {readsFailures && <UrgentGroups tenantId={tenant?.id} isStaff={isStaff} showsTenant={showsTenant} />}
          {readsIntegrations && readsRuns && <TrafficLights tenantId={tenant?.id} showsTenant={showsTenant} onChange={renew} />}
        </div>
        <div className={styles.column}>
          {readsIncidents && <OpenIncidents tenantId={tenant?.id} isStaff={isStaff} />}
          {readsRuns && <RunningNow tenantId={tenant?.id} showsTenant={showsTenant} onEnded={renew} />}
        </div>
      </div>
      {knowsHealth && (
        <Suspense>
          <HealthCharts health={health} steps={steps} span={span} />
        </Suspense>
      )}
    </Page>
  );
}

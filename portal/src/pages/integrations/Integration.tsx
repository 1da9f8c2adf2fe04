import { lazy, Suspense, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { useQuery } from "urql";
import { problemOf, useLive } from "@/api";
import { useIsStaff, usePermission } from "@/app/session";
import { ErrorState, NotFound, Page, Skeleton, StatusBadge, Tabs, type TabEntry } from "@/ui";
import { IntegrationActions } from "./actions/IntegrationActions";
import { INTEGRATION, type IntegrationOfPage } from "./integrationQuery";
import { HEALTH_CHANGED, type HealthRowOf } from "./integrationRow";
import { Overview } from "./overview/Overview";

// Parts of the page are loaded when they are looked at.
const Backfills = lazy(() => import("./backfills/Backfills"));
const IntegrationAudit = lazy(() => import("./IntegrationAudit"));
const IntegrationFailures = lazy(() => import("./IntegrationFailures"));
const IntegrationRuns = lazy(() => import("./IntegrationRuns"));
const Mapping = lazy(() => import("./mapping/Mapping"));
const Quarantines = lazy(() => import("./quarantines/Quarantines"));
const Reconciliations = lazy(() => import("./reconciliations/Reconciliations"));
const Schedule = lazy(() => import("./schedule/Schedule"));
const Settings = lazy(() => import("./settings/Settings"));

/** One integration: how it is, what it did, and everything that can be set of it. */
export default function Integration() {
  const { id = "" } = useParams();
  const { t } = useTranslation("integrations");
  const withSystems = usePermission("systems:read");
  const withHealth = usePermission("runs:read");
  const [{ data, error, stale }, readAnew] = useQuery({
    query: INTEGRATION,
    variables: { id, withSystems, withHealth },
    requestPolicy: "cache-and-network",
  });
  const [live, setLive] = useState<{ on: unknown; health: HealthRowOf } | null>(null);
  const stored = data?.integration;
  const refresh = () => readAnew({ requestPolicy: "network-only" });
  useLive(HEALTH_CHANGED, {
    variables: { integrationId: id },
    paused: !stored || !withHealth || stored.status === "ARCHIVED",
    onChange: ({ healthChanged: { integration: _, ...health } }) => {
      setLive({ on: data, health });
      // Held or let go: why, and what one can do, is told by the query alone.
      if ((health.status === "HELD") !== (stored?.status === "HELD")) refresh();
    },
    onBehind: refresh,
  });
  if (error && !data) return <ErrorState problem={problemOf(error)} onRetry={refresh} />;
  if (!data || (stale && !stored)) {
    return (
      <Page title={t("title")}>
        <Skeleton lines={10} />
      </Page>
    );
  }
  if (!stored) return <NotFound />;
  return <KnownIntegration integration={live?.on === data ? { ...stored, health: live.health } : stored} onChange={refresh} />;
}

function KnownIntegration({ integration, onChange }: { integration: IntegrationOfPage; onChange: () => void }) {
  const { t } = useTranslation(["integrations", "common"]);
  const isStaff = useIsStaff();
  const readsRuns = usePermission("runs:read");
  const readsFailures = usePermission("failures:read");
  const readsAudit = usePermission("audit:read");
  const { id } = integration;
  const tabs: (TabEntry | false)[] = [
    { id: "overview", label: t("tab.overview"), content: () => <Overview integration={integration} onChange={onChange} /> },
    readsRuns && { id: "runs", label: t("tab.runs"), content: () => part(<IntegrationRuns integrationId={id} />) },
    readsFailures && { id: "failures", label: t("tab.failures"), content: () => part(<IntegrationFailures integrationId={id} tenantId={integration.tenant.id} />) },
    { id: "mapping", label: t("tab.mapping"), content: () => part(<Mapping integrationId={id} />) },
    { id: "schedule", label: t("tab.schedule"), content: () => part(<Schedule integration={integration} />) },
    readsRuns && { id: "reconciliation", label: t("tab.reconciliation"), content: () => part(<Reconciliations integration={integration} />) },
    readsRuns && { id: "backfills", label: t("tab.backfills"), content: () => part(<Backfills integration={integration} />) },
    readsFailures && { id: "quarantines", label: t("tab.quarantines"), content: () => part(<Quarantines integrationId={id} />) },
    { id: "settings", label: t("tab.settings"), content: () => part(<Settings integration={integration} />) },
    readsAudit && { id: "audit", label: t("tab.audit"), content: () => part(<IntegrationAudit integrationId={id} />) },
  ];
  const status = integration.health?.status;
  return (
    <Page
      title={integration.name}
      heading={
        <>
          {integration.name}
          {status ? <StatusBadge kind="health" value={status} /> : <StatusBadge kind="integration" value={integration.status} />}
        </>
      }
      breadcrumbs={[
        ...(isStaff ? [{ label: integration.tenant.name, to: `/tenants/${integration.tenant.id}` }] : []),
        { label: t("common:navigation.integrations"), to: "/integrations" },
      ]}
      description={integration.description}
      actions={<IntegrationActions integration={integration} />}
    >
      <Tabs label={t("parts")} tabs={tabs.filter((tab) => tab !== false)} />
    </Page>
  );
}

function part(content: ReactNode) {
  return <Suspense fallback={<Skeleton lines={8} height={24} />}>{content}</Suspense>;
}

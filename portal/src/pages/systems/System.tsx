import { RotateCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { useQuery } from "urql";
import { problemOf } from "@/api";
import { useIsStaff, usePermission } from "@/app/session";
import { Button, ErrorState, FormBanner, NotFound, Page, Skeleton, StatusBadge, Tabs } from "@/ui";
import { ConnectOutcome } from "./ConnectOutcome";
import { SystemOverview } from "./SystemOverview";
import { SystemSettings } from "./SystemSettings";
import { SYSTEM, type SystemOfPage } from "./systemQuery";
import { useTest } from "./useTest";

/** One system: how it is, what uses it, and its settings. */
export default function System() {
  const { id = "" } = useParams();
  const { t } = useTranslation(["systems", "common"]);
  const [{ data, error }, refresh] = useQuery({ query: SYSTEM, variables: { id }, requestPolicy: "cache-and-network" });
  if (error && !data) {
    return (
      <Page title={t("common:title.system")}>
        <ErrorState problem={problemOf(error)} onRetry={() => refresh({ requestPolicy: "network-only" })} />
      </Page>
    );
  }
  if (!data) {
    return (
      <Page title={t("common:title.system")}>
        <Skeleton lines={8} />
      </Page>
    );
  }
  return data.system ? <SystemPage system={data.system} /> : <NotFound />;
}

function SystemPage({ system }: { system: SystemOfPage }) {
  const { t } = useTranslation(["systems", "common"]);
  const isStaff = useIsStaff();
  const mayTest = usePermission("systems:test");
  const mayWrite = usePermission("systems:write");
  const test = useTest(system.id);
  const overview = () => <SystemOverview system={system} isTesting={test.isBusy} />;
  return (
    <Page
      title={system.name}
      heading={
        <>
          {system.name}
          <StatusBadge kind="system" value={system.status} />
        </>
      }
      breadcrumbs={[{ label: t("title"), to: "/systems" }]}
      description={isStaff ? t("ofTenant", { connector: system.connector.title, tenant: system.tenant.name }) : system.connector.title}
      actions={
        mayTest && (
          <Button icon={<RotateCw size={16} aria-hidden />} isPending={test.isBusy} onPress={test.test}>
            {t("test.now")}
          </Button>
        )
      }
    >
      <ConnectOutcome />
      <FormBanner form={test} />
      {mayWrite ? (
        <Tabs
          label={t("parts")}
          tabs={[
            { id: "overview", label: t("tab.overview"), content: overview },
            { id: "settings", label: t("tab.settings"), content: () => <SystemSettings key={system.id} system={system} /> },
          ]}
        />
      ) : (
        overview()
      )}
    </Page>
  );
}

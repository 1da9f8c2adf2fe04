import { Terminal } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useEvery, usePages } from "@/api";
import type { LogLevel, RunStatus } from "@/api/generated/schema";
import { usePermission, useTenantScope } from "@/app/session";
import { EmptyState, ErrorState, FilterBar, NotFound, Page, Skeleton, Switch, useAddress, VirtualList } from "@/ui";
import { layers, linesOf } from "./lines";
import { RunLines } from "./RunLines";
import { RUNS_WITH_LINES } from "./runsWithLines";

const levels: readonly LogLevel[] = ["DEBUG", "INFO", "WARN", "ERROR"];
const statuses: readonly RunStatus[] = ["RUNNING", "FAILED", "PARTIAL", "QUEUED", "SUCCEEDED", "CANCELED", "RECOVERED"];
const FOLLOW_MS = 5_000;
/** Each brings up to 60 lines. */
const RUNS_A_PAGE = 20;

/** What happened and what was logged, run by run, the newest first, in layers from the customer's words to the engineer's. */
export default function Logs() {
  const { t } = useTranslation(["logs", "common"]);
  const mayRead = usePermission("internals:read");
  const { tenant } = useTenantScope();
  const [address] = useAddress();
  const [follows, setFollows] = useState(false);
  const layer = address.get("layer");
  const search = address.get("search");
  const component = address.get("component");
  const level = address.get("level") as LogLevel | null;
  const status = address.get("status") as RunStatus | null;
  const pages = usePages({
    query: RUNS_WITH_LINES,
    variables: {
      runs: { tenantId: tenant?.id ?? null, integrationId: address.get("integration"), status: status && [status] },
      logs: { search, component, level },
      withLogs: layer === null || layer === "LOG",
    },
    connection: (data) => data.runs,
    pageSize: RUNS_A_PAGE,
    typenames: ["Run"],
    paused: !mayRead,
  });
  useEvery(FOLLOW_MS, pages.refresh, !follows);
  if (!mayRead) return <NotFound />;
  const isSifted = layer !== null || search !== null || component !== null || level !== null;
  const rows = pages.rows
    .map((run) => ({ ...run, lines: linesOf(run, { layer, search, component, level }) }))
    .filter(({ lines }) => !isSifted || lines.length > 0);
  return (
    <Page title={t("common:navigation.logs")} description={t("lead")} width="wide">
      <FilterBar
        filters={[
          { kind: "search", name: "search", label: t("search") },
          { kind: "choice", name: "layer", label: t("layerLabel"), options: layers.map((id) => ({ id, label: t(`layer.${id}`), description: t(`layerNote.${id}`) })) },
          { kind: "choice", name: "level", label: t("levelLabel"), options: levels.map((id) => ({ id, label: t(`level.${id}`) })) },
          { kind: "search", name: "component", label: t("component") },
          { kind: "choice", name: "status", label: t("status"), options: statuses.map((id) => ({ id, label: t(`common:status.run.${id}`) })) },
        ]}
      >
        <Switch isSelected={follows} onChange={setFollows}>
          {t("follow")}
        </Switch>
      </FilterBar>
      {isSifted && pages.rows.length > 0 && <p>{t("found", { count: rows.length, all: pages.rows.length })}</p>}
      {pages.isLoading ? (
        <Skeleton lines={12} height={24} />
      ) : rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : rows.length === 0 && !pages.hasMore ? (
        <EmptyState icon={<Terminal size={28} aria-hidden />} title={t("empty")}>
          {t("emptyHelp")}
        </EmptyState>
      ) : (
        <VirtualList label={t("common:navigation.logs")} pages={{ ...pages, rows }} itemHeight={220}>
          {(run) => <RunLines run={run} />}
        </VirtualList>
      )}
    </Page>
  );
}

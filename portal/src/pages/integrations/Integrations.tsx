import { Plus, Workflow } from "lucide-react";
import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { ButtonLink, EmptyState, ErrorState, FilterBar, Page, Skeleton, Tabs, useAddress } from "@/ui";
import { HealthBoard } from "./HealthBoard";
import { IntegrationTable } from "./IntegrationTable";
import { healthStatuses, useIntegrations } from "./useIntegrations";

/** All integrations, the worst first: as a table, or as a board of lights. */
export default function Integrations() {
  const { t } = useTranslation(["integrations", "common"]);
  const mayWrite = usePermission("integrations:write");
  const pages = useIntegrations();
  const [address] = useAddress();
  const isFiltered = address.has("search") || address.has("health");
  const create = mayWrite && (
    <ButtonLink kind="primary" to="/integrations/new" icon={<Plus size={16} aria-hidden />}>
      {t("list.new")}
    </ButtonLink>
  );
  const inPlace = pages.isLoading ? (
    <Skeleton lines={10} height={28} />
  ) : pages.problem && pages.rows.length === 0 ? (
    <ErrorState problem={pages.problem} onRetry={pages.refresh} />
  ) : pages.rows.length === 0 ? (
    isFiltered ? (
      <EmptyState title={t("list.nothingFound")}>{t("list.nothingFoundHelp")}</EmptyState>
    ) : (
      <EmptyState icon={<Workflow size={28} aria-hidden />} title={t("list.empty")} actions={create}>
        {t(mayWrite ? "list.emptyHelp" : "list.emptyViewer")}
      </EmptyState>
    )
  ) : null;
  return (
    <Page title={t("list.title")} description={t("list.lead")} width="wide" actions={create}>
      <FilterBar
        filters={[
          { kind: "search", name: "search", label: t("list.search") },
          {
            kind: "choice",
            name: "health",
            label: t("list.health"),
            options: healthStatuses.map((id) => ({ id, label: t(`common:status.health.${id}`) })),
          },
        ]}
      />
      <Tabs
        label={t("list.view")}
        parameter="view"
        tabs={[
          { id: "table", label: t("list.table"), content: () => inPlace ?? <IntegrationTable pages={pages} /> },
          { id: "board", label: t("list.board"), content: () => inPlace ?? <HealthBoard pages={pages} /> },
        ]}
      />
    </Page>
  );
}

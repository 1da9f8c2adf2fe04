import { useTranslation } from "react-i18next";
import { useIsStaff, usePermission, useTenantScope, useViewer } from "@/app/session";
import { EmptyState, FilterBar, Page, useAddress } from "@/ui";
import { IntegrationFilter } from "@/pages/failures/IntegrationFilter";
import { impactOf, impacts } from "./impact";
import { InboxCounts } from "./InboxCounts";
import { InboxList } from "./InboxList";

/** What needs the viewer, the most urgent first. */
export default function Inbox() {
  const { t } = useTranslation(["inbox", "common"]);
  const { role } = useViewer();
  const isStaff = useIsStaff();
  const mayRead = usePermission("failures:read");
  const { tenant } = useTenantScope();
  const [address] = useAddress();
  const filter = {
    tenantId: tenant?.id,
    integrationId: address.get("integration") ?? undefined,
    minImpact: impactOf(address.get("impact")),
  };
  if (!mayRead) {
    return (
      <Page title={t("title")}>
        <EmptyState title={t("common:problem.forbidden.title")}>{t("common:problem.forbidden.help")}</EmptyState>
      </Page>
    );
  }
  const isFiltered = filter.integrationId !== undefined || filter.minImpact !== undefined;
  return (
    <Page title={t("title")} description={isStaff ? t(`lead.${role}`) : t("lead.tenant")}>
      <InboxCounts tenantId={tenant?.id} />
      <FilterBar
        filters={[
          {
            kind: "choice",
            name: "impact",
            label: t("filter.impact"),
            options: impacts.map((id) => ({ id, label: t(`filter.from.${id}`) })),
          },
          { kind: "own", name: "integration", field: <IntegrationFilter /> },
        ]}
      />
      <InboxList filter={filter} showsTenant={tenant === null} isFiltered={isFiltered} />
    </Page>
  );
}

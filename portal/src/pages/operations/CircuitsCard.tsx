import { useTranslation } from "react-i18next";
import { graphql, type ResultOf, usePages } from "@/api";
import { useTenantScope } from "@/app/session";
import { Card, type Column, EmptyState, ProblemBanner, Skeleton, StatusBadge, Time, VirtualTable } from "@/ui";

const FAILING = graphql(`
  query FailingSystems($filter: SystemFilter, $first: Int, $after: String) {
    systems(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          name
          status
          connector {
            name
            title
          }
          tenant {
            id
            name
          }
          circuit {
            state
            since
            until
            failures
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type FailingSystem = ResultOf<typeof FAILING>["systems"]["edges"][number]["node"];

/** Outside systems that don't answer, and whether they are left alone for a while. */
export function CircuitsCard() {
  const { t } = useTranslation(["operations", "common"]);
  const { tenant } = useTenantScope();
  const pages = usePages({
    query: FAILING,
    variables: { filter: { status: ["FAILING", "REAUTH_REQUIRED"], tenantId: tenant?.id ?? null } },
    connection: (data) => data.systems,
    typenames: ["System"],
  });
  const columns: Column<FailingSystem>[] = [
    { id: "name", header: t("circuits.system"), width: "minmax(160px, 1.6fr)", cell: ({ name }) => name },
    { id: "tenant", header: t("queue.tenant"), cell: (system) => system.tenant.name },
    { id: "connector", header: t("circuits.connector"), cell: ({ connector }) => connector.title },
    { id: "status", header: t("queue.status"), width: "minmax(130px, 1fr)", cell: (system) => <StatusBadge kind="system" value={system.status} /> },
    { id: "circuit", header: t("circuits.circuit"), width: "minmax(110px, 1fr)", cell: ({ circuit }) => <StatusBadge kind="circuit" value={circuit.state} /> },
    { id: "failures", header: t("circuits.failures"), align: "end", cell: ({ circuit }) => circuit.failures },
    { id: "until", header: t("circuits.until"), cell: ({ circuit }) => (circuit.until != null ? <Time at={circuit.until} /> : "–") },
  ];
  return (
    <Card title={t("circuits.title")} description={t("circuits.lead")} flush>
      {pages.isLoading && <Skeleton lines={3} height={28} />}
      {pages.rows.length === 0 && pages.problem && <ProblemBanner problem={pages.problem} onRetry={pages.refresh} />}
      {!pages.isLoading && pages.rows.length === 0 && !pages.problem && <EmptyState title={t("circuits.empty")} />}
      {pages.rows.length > 0 && <VirtualTable label={t("circuits.title")} pages={pages} columns={columns} to={({ id }) => `/systems/${id}`} />}
    </Card>
  );
}

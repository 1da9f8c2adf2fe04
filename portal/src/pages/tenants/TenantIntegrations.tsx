import { Workflow } from "lucide-react";
import { useTranslation } from "react-i18next";
import { graphql, usePages } from "@/api";
import { Card, type Column, EmptyState, ErrorState, Skeleton, StatusBadge, Time, VirtualTable } from "@/ui";

const INTEGRATIONS = graphql(`
  query TenantIntegrations($id: ID!, $first: Int, $after: String) {
    tenant(id: $id) {
      id
      integrations(orderBy: { field: HEALTH, direction: DESC }, first: $first, after: $after) {
        edges {
          node {
            id
            name
            status
            source {
              id
              name
            }
            destination {
              id
              name
            }
            health {
              status
              since
              lastRun {
                id
                queuedAt
              }
            }
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

/** A tenant's integrations, the worst first. */
export function TenantIntegrations({ tenantId }: { tenantId: string }) {
  const { t } = useTranslation(["tenants", "common"]);
  const pages = usePages({
    query: INTEGRATIONS,
    variables: { id: tenantId },
    connection: (data) => data.tenant?.integrations,
    typenames: ["Integration"],
  });
  const columns: Column<(typeof pages.rows)[number]>[] = [
    { id: "name", header: t("name"), width: "minmax(180px, 2fr)", cell: ({ name }) => name },
    { id: "ends", header: t("ends"), width: "minmax(180px, 2fr)", cell: ({ source, destination }) => `${source.name} → ${destination.name}` },
    {
      id: "health",
      header: t("health"),
      width: "minmax(130px, 1fr)",
      cell: ({ health }) => health && <StatusBadge kind="health" value={health.status} />,
    },
    { id: "since", header: t("since"), cell: ({ health }) => health && <Time at={health.since} /> },
    { id: "run", header: t("lastRun"), cell: ({ health }) => (health?.lastRun ? <Time at={health.lastRun.queuedAt} /> : "–") },
  ];
  if (pages.isLoading) return <Skeleton lines={6} height={32} />;
  if (pages.rows.length === 0 && pages.problem) return <ErrorState problem={pages.problem} onRetry={pages.refresh} />;
  if (pages.rows.length === 0) {
    return <EmptyState icon={<Workflow size={28} aria-hidden />} title={t("noIntegrations")} />;
  }
  return (
    <Card flush>
      <VirtualTable label={t("common:navigation.integrations")} pages={pages} columns={columns} to={({ id }) => `/integrations/${id}`} />
    </Card>
  );
}

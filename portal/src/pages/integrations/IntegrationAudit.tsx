import { useTranslation } from "react-i18next";
import { graphql, usePages, type ResultOf } from "@/api";
import { AuditOutcomeBadge } from "@/pages/audit/AuditOutcomeBadge";
import { Card, EmptyState, ErrorState, Skeleton, Time, VirtualTable, type Column } from "@/ui";

const AUDIT_OF_INTEGRATION = graphql(`
  query AuditOfIntegration($id: ID!, $first: Int, $after: String) {
    auditEntries(filter: { objectId: $id }, first: $first, after: $after) {
      edges {
        node {
          id
          at
          actorName
          role
          operation
          outcome
          detail
          address
          requestId
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Entry = ResultOf<typeof AUDIT_OF_INTEGRATION>["auditEntries"]["edges"][number]["node"];

/** Who did what to an integration, or tried to. */
export default function IntegrationAudit({ integrationId }: { integrationId: string }) {
  const { t } = useTranslation(["integrations", "common", "audit"]);
  const pages = usePages({
    query: AUDIT_OF_INTEGRATION,
    variables: { id: integrationId },
    connection: (data) => data.auditEntries,
    typenames: ["AuditEntry", "Integration"],
  });
  if (pages.isLoading) return <Skeleton lines={8} height={24} />;
  if (pages.problem && pages.rows.length === 0) return <ErrorState problem={pages.problem} onRetry={pages.refresh} />;
  if (pages.rows.length === 0) return <EmptyState title={t("audit.empty")} />;
  const columns: Column<Entry>[] = [
    { id: "at", header: t("audit.at"), width: "minmax(170px, 1fr)", cell: (entry) => <Time at={entry.at} as="absolute" /> },
    {
      id: "actor",
      header: t("audit.actor"),
      width: "minmax(140px, 1.2fr)",
      cell: (entry) => (entry.role ? `${entry.actorName} · ${t(`common:role.${entry.role}`)}` : entry.actorName),
    },
    {
      id: "operation",
      header: t("audit.operation"),
      width: "minmax(140px, 1.2fr)",
      cell: (entry) => t(`audit:operation.${entry.operation}`, { defaultValue: entry.operation }),
    },
    { id: "outcome", header: t("audit.outcome"), cell: (entry) => <AuditOutcomeBadge value={entry.outcome} /> },
    { id: "detail", header: t("audit.detail"), width: "minmax(140px, 1.6fr)", cell: (entry) => entry.detail ?? "–" },
  ];
  return (
    <Card flush>
      <VirtualTable label={t("tab.audit")} pages={pages} columns={columns} />
    </Card>
  );
}

import { ScrollText, X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, type ResultOf, usePages } from "@/api";
import type { AuditOutcome } from "@/api/generated/schema";
import { useIsStaff, usePermission, useTenantScope } from "@/app/session";
import { ExportButton } from "@/pages/exports/ExportButton";
import { Button, Card, type Column, EmptyState, ErrorState, FilterBar, momentsOf, NotFound, Page, Skeleton, Time, useAddress, VirtualTable } from "@/ui";
import { ActorField } from "./ActorField";
import { areas, operationsOf } from "./areas";
import { AuditEntrySheet } from "./AuditEntrySheet";
import { AuditOutcomeBadge } from "./AuditOutcomeBadge";
import { outcomes } from "./outcomes";
import { Operation } from "./Operation";

const AUDIT = graphql(`
  query Audit($filter: AuditEntryFilter, $first: Int, $after: String) {
    auditEntries(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          at
          actorId
          actorName
          role
          address
          userAgent
          requestId
          operation
          objectId
          outcome
          detail
          tenant {
            id
            name
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

export type AuditRow = ResultOf<typeof AUDIT>["auditEntries"]["edges"][number]["node"];

const EXPORT = `query ($filter: AuditEntryFilter) { auditEntries(filter: $filter) { edges { node {
  id at actorId actorName role address userAgent requestId operation objectId outcome detail } } } }`;

/** What was done, by whom, and what came of it: of a tenant, or to the platform's administrators of all. */
export default function Audit() {
  const { t } = useTranslation(["audit", "common"]);
  const isStaff = useIsStaff();
  const mayRead = usePermission("audit:read");
  const { tenant } = useTenantScope();
  const [address, setAddress] = useAddress();
  const [open, setOpen] = useState<AuditRow | null>(null);
  const from = address.get("atFrom");
  const to = address.get("atTo");
  const moments = from && to ? momentsOf({ from, to }) : null;
  const outcome = address.get("outcome");
  const object = address.get("object");
  const filter = {
    tenantId: tenant?.id ?? null,
    actorId: address.get("actor"),
    objectId: object,
    operation: operationsOf(address.get("area")),
    outcome: outcome === null ? null : [outcome as AuditOutcome],
    at: moments && { gte: moments.from, lt: moments.before },
  };
  const pages = usePages({ query: AUDIT, variables: { filter }, connection: (data) => data.auditEntries, paused: !mayRead });
  if (!mayRead) return <NotFound />;
  const columns: Column<AuditRow>[] = [
    {
      id: "what",
      header: t("what"),
      width: "minmax(200px, 2.4fr)",
      cell: (entry) => <Operation entry={entry} onOpen={() => setOpen(entry)} />,
    },
    { id: "outcome", header: t("outcomeLabel"), width: "minmax(130px, 1fr)", cell: (entry) => <AuditOutcomeBadge value={entry.outcome} /> },
    { id: "actor", header: t("actor"), width: "minmax(120px, 1.4fr)", cell: (entry) => entry.actorName },
    ...(isStaff && !tenant
      ? [{ id: "tenant", header: t("tenant"), cell: (entry: AuditRow) => entry.tenant?.name ?? t("operators") }]
      : []),
    { id: "at", header: t("at"), width: "minmax(150px, 1fr)", cell: (entry) => <Time at={entry.at} as="absolute" /> },
  ];
  return (
    <Page
      title={t("common:navigation.audit")}
      description={t("lead")}
      actions={<ExportButton query={EXPORT} variables={{ filter: { ...filter, tenantId: null } }} />}
    >
      <FilterBar
        filters={[
          { kind: "days", name: "at", label: t("days") },
          { kind: "choice", name: "area", label: t("what"), options: Object.keys(areas).map((id) => ({ id, label: t(`area.${id}`) })) },
          { kind: "choice", name: "outcome", label: t("outcomeLabel"), options: outcomes.map((id) => ({ id, label: t(`outcome.${id}`) })) },
          { kind: "own", name: "actor", field: <ActorField /> },
        ]}
      />
      {object !== null && (
        <div>
          <Button size="small" icon={<X size={14} aria-hidden />} onPress={() => setAddress({ object: null })}>
            {t("ofObject", { id: object })}
          </Button>
        </div>
      )}
      {pages.isLoading ? (
        <Skeleton lines={10} height={32} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<ScrollText size={28} aria-hidden />} title={t("empty")}>
          {t("emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable label={t("common:navigation.audit")} pages={pages} columns={columns} rowHeight={62} />
        </Card>
      )}
      {open && <AuditEntrySheet entry={open} onClose={() => setOpen(null)} />}
    </Page>
  );
}

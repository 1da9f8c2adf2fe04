import { ListChecks, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import "./ruleParts";
import { graphql, usePages } from "@/api";
import { useIsStaff, useTenantScope } from "@/app/session";
import { Button, Card, EmptyState, ErrorState, ListEnd, Skeleton, Table, type Column } from "@/ui";
import { OwnershipRuleDialog } from "./OwnershipRuleDialog";
import type { Rule } from "./ruleParts";
import { useOwner } from "./useOwner";

const RULES = graphql(`
  query OwnershipRules($filter: OwnershipRuleFilter, $first: Int, $after: String) {
    ownershipRules(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          ...RuleParts
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** Rules by which failures become somebody's, in the order in which they are asked. */
export function OwnershipRules() {
  const { t } = useTranslation(["contacts", "escalations"]);
  const owner = useOwner();
  const { tenant } = useTenantScope();
  const isStaff = useIsStaff();
  const [open, setOpen] = useState<Rule | "new" | null>(null);
  const pages = usePages({
    query: RULES,
    variables: { filter: owner.filter },
    connection: (data) => data.ownershipRules,
    pageSize: 100,
    typenames: ["OwnershipRule"],
  });
  const columns: Column<Rule>[] = [
    { id: "name", header: t("column.name"), isRowHeader: true, width: "minmax(150px, 1.4fr)", cell: ({ name }) => name },
    {
      id: "about",
      header: t("rules.about"),
      width: "minmax(200px, 2fr)",
      cell: ({ selectors: { codes, connectors, streams, tenantIds } }) => {
        const parts = [
          codes.join(", "),
          connectors.length > 0 && t("rules.connectorsOf", { names: connectors.join(", ") }),
          streams.length > 0 && t("rules.streamsOf", { names: streams.join(", ") }),
          tenantIds.length > 0 && t("escalations:policies.tenants", { count: tenantIds.length }),
        ].filter(Boolean);
        return parts.length === 0 ? t("escalations:policies.all") : parts.join(" · ");
      },
    },
    { id: "contact", header: t("rules.contact"), width: "minmax(130px, 1fr)", cell: ({ contact }) => contact?.name ?? "–" },
  ];
  const party: Column<Rule> = {
    id: "party",
    header: t("escalations:column.party"),
    width: "minmax(110px, 1fr)",
    cell: ({ responsibleParty }) => (responsibleParty ? t(`escalations:party.${responsibleParty}`) : t("rules.asUsual")),
  };
  const change: Column<Rule> = {
    id: "change",
    header: t("change"),
    hideHeader: true,
    align: "end",
    width: "100px",
    cell: (rule) => (
      <Button size="small" onPress={() => setOpen(rule)} aria-label={t("changeOf", { name: rule.name })}>
        {t("change")}
      </Button>
    ),
  };
  if (pages.problem && pages.rows.length === 0) return <ErrorState problem={pages.problem} onRetry={pages.refresh} />;
  if (pages.isLoading) return <Skeleton lines={6} height={40} />;
  return (
    <>
      <Card
        flush
        title={!isStaff ? t("rules.titleOwn") : tenant ? t("rules.titleOf", { name: tenant.name }) : t("rules.titleOfOperator")}
        description={owner.tenantId === null ? t("rules.leadForOperator") : t("rules.lead")}
        actions={
          <Button kind="primary" icon={<Plus size={16} aria-hidden />} onPress={() => setOpen("new")}>
            {t("rules.new")}
          </Button>
        }
      >
        {pages.rows.length === 0 ? (
          <EmptyState icon={<ListChecks size={32} aria-hidden />} title={t("rules.empty")}>
            {owner.tenantId === null ? t("rules.emptyHelpForOperator") : t("rules.emptyHelp")}
          </EmptyState>
        ) : (
          <Table
            label={t("rules.title")}
            rows={pages.rows}
            columns={owner.tenantId === null ? [...columns, party, change] : [...columns, change]}
          />
        )}
        <ListEnd pages={pages} />
      </Card>
      {open && <OwnershipRuleDialog rule={open === "new" ? null : open} owner={owner} onClose={() => setOpen(null)} />}
    </>
  );
}

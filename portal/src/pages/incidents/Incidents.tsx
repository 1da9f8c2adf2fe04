import { Plus, ShieldCheck } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useEvery, usePages, type ResultOf } from "@/api";
import { usePermission, useTenantScope } from "@/app/session";
import {
  Button,
  Card,
  Count,
  EmptyState,
  ErrorState,
  FilterBar,
  Page,
  Skeleton,
  StatusBadge,
  Time,
  useAddress,
  VirtualTable,
  type Column,
} from "@/ui";
import { NewIncidentDialog } from "./NewIncidentDialog";
import { READ_AGAIN_MS, severities, statuses } from "./options";

const INCIDENTS = graphql(`
  query Incidents($filter: IncidentFilter, $first: Int, $after: String) {
    incidents(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          title
          status
          severity
          host
          tenantCount
          systemCount
          startedAt
          resolvedAt
          commander
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Incident = ResultOf<typeof INCIDENTS>["incidents"]["edges"][number]["node"];

/** Outside systems that are, or were, in trouble for several tenants at once. */
export default function Incidents() {
  const { t } = useTranslation("incidents");
  const { tenant } = useTenantScope();
  const [address] = useAddress();
  const isManager = usePermission("incidents:manage");
  const [isMaking, setIsMaking] = useState(false);
  const status = statuses.find((each) => each === address.get("status"));
  const isOver = address.get("state");
  const pages = usePages({
    query: INCIDENTS,
    variables: {
      filter: {
        tenantId: tenant?.id,
        ...(status && { status: [status] }),
        ...(isOver && { open: isOver === "open" }),
      },
    },
    connection: (data) => data.incidents,
    typenames: ["Incident"],
  });
  useEvery(READ_AGAIN_MS, pages.refresh);
  const isFiltered = status !== undefined || isOver !== null;
  return (
    <Page
      title={t("title")}
      description={isManager ? t("leadForStaff") : t("lead")}
      actions={
        isManager && (
          <Button kind="primary" icon={<Plus size={16} aria-hidden />} onPress={() => setIsMaking(true)}>
            {t("new.action")}
          </Button>
        )
      }
    >
      <FilterBar
        filters={[
          {
            kind: "choice",
            name: "state",
            label: t("filter.state"),
            options: [
              { id: "open", label: t("filter.open") },
              { id: "over", label: t("filter.over") },
            ],
          },
          {
            kind: "choice",
            name: "status",
            label: t("status"),
            options: statuses.map((id) => ({ id, label: t(`common:status.incident.${id}`) })),
          },
        ]}
      />
      {pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.isLoading ? (
        <Skeleton lines={6} height={40} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<ShieldCheck size={32} aria-hidden />} title={isFiltered ? t("emptyFiltered") : t("empty")}>
          {!isFiltered && t("emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable
            label={t("title")}
            pages={pages}
            to={({ id }) => `/incidents/${id}`}
            columns={isManager ? [...columns(t), ...staffColumns(t)] : columns(t)}
          />
        </Card>
      )}
      {isMaking && <NewIncidentDialog onClose={() => setIsMaking(false)} />}
    </Page>
  );
}

type Texts = ReturnType<typeof useTranslation<"incidents">>["t"];

function columns(t: Texts): Column<Incident>[] {
  return [
    { id: "title", header: t("column.title"), cell: ({ title }) => title, isRowHeader: true, width: "minmax(220px, 3fr)" },
    { id: "status", header: t("status"), cell: ({ status }) => <StatusBadge kind="incident" value={status} />, width: "150px" },
    { id: "started", header: t("started"), cell: ({ startedAt }) => <Time at={startedAt} />, width: "130px" },
    {
      id: "resolved",
      header: t("resolved"),
      cell: ({ resolvedAt }) => (resolvedAt ? <Time at={resolvedAt} /> : t("underWay")),
      width: "130px",
    },
  ];
}

function staffColumns(t: Texts): Column<Incident>[] {
  return [
    {
      id: "severity",
      header: t("severity"),
      cell: ({ severity }) => severity && severities.includes(severity) && <StatusBadge kind="severity" value={severity} />,
      width: "120px",
    },
    {
      id: "tenants",
      header: t("tenants"),
      cell: ({ tenantCount }) => <Count value={tenantCount ?? 0} />,
      align: "end",
      width: "90px",
    },
    { id: "lead", header: t("commander"), cell: ({ commander }) => commander ?? t("nobody"), width: "minmax(110px, 1fr)" },
  ];
}

import { Building2, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, type ResultOf, usePages } from "@/api";
import type { TenantOrderField, TenantStatus } from "@/api/generated/schema";
import { useIsStaff, usePermission } from "@/app/session";
import { Button, Card, type Column, EmptyState, ErrorState, FilterBar, NotFound, Page, Skeleton, type Sort, StatusBadge, Time, useAddress, VirtualTable } from "@/ui";
import { HealthCounts } from "./HealthCounts";
import { TenantDialog } from "./TenantDialog";

const TENANTS = graphql(`
  query Tenants($filter: TenantFilter, $orderBy: TenantOrder, $first: Int, $after: String) {
    tenants(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      edges {
        node {
          id
          name
          slug
          externalId
          status
          createdAt
          health {
            status
            integrations {
              status
              integrations
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
`);

type Tenant = ResultOf<typeof TENANTS>["tenants"]["edges"][number]["node"];

const statuses: readonly TenantStatus[] = ["ACTIVE", "SUSPENDED"];
const orders: Record<string, TenantOrderField> = { name: "NAME", since: "CREATED_AT" };

/** All customers of the operator. */
export default function Tenants() {
  const { t } = useTranslation(["tenants", "common"]);
  const isStaff = useIsStaff();
  const mayManage = usePermission("tenants:manage");
  const [address] = useAddress();
  const [sort, setSort] = useState<Sort>({ column: "name", direction: "ascending" });
  const [isMaking, setIsMaking] = useState(false);
  const status = address.get("status") as TenantStatus | null;
  const pages = usePages({
    query: TENANTS,
    variables: {
      filter: { search: address.get("search"), status: status && [status] },
      orderBy: { field: orders[sort.column] ?? "NAME", direction: sort.direction === "ascending" ? "ASC" : "DESC" },
    },
    connection: (data) => data.tenants,
    typenames: ["Tenant"],
    paused: !isStaff,
  });
  if (!isStaff) return <NotFound />;
  const columns: Column<Tenant>[] = [
    { id: "name", header: t("name"), isSortable: true, width: "minmax(160px, 1.6fr)", cell: ({ name }) => name },
    { id: "slug", header: t("slug"), cell: ({ slug }) => slug },
    { id: "health", header: t("health"), width: "minmax(220px, 2fr)", cell: ({ health }) => <HealthCounts health={health} /> },
    { id: "status", header: t("status"), width: "minmax(110px, 1fr)", cell: (tenant) => <StatusBadge kind="tenant" value={tenant.status} /> },
    { id: "externalId", header: t("externalId"), cell: ({ externalId }) => externalId ?? "–", isLeftOutOnPhones: true },
    { id: "since", header: t("since"), isSortable: true, cell: ({ createdAt }) => <Time at={createdAt} />, isLeftOutOnPhones: true },
  ];
  return (
    <Page
      title={t("common:navigation.tenants")}
      description={t("lead")}
      actions={
        mayManage && (
          <Button kind="primary" icon={<Plus size={16} aria-hidden />} onPress={() => setIsMaking(true)}>
            {t("new")}
          </Button>
        )
      }
    >
      <FilterBar
        filters={[
          { kind: "search", name: "search", label: t("search") },
          { kind: "choice", name: "status", label: t("status"), options: statuses.map((id) => ({ id, label: t(`common:status.tenant.${id}`) })) },
        ]}
      />
      {pages.isLoading ? (
        <Skeleton lines={8} height={32} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<Building2 size={28} aria-hidden />} title={t("empty")}>
          {t("emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable
            label={t("common:navigation.tenants")}
            pages={pages}
            columns={columns}
            to={({ id }) => `/tenants/${id}`}
            sort={sort}
            onSort={setSort}
          />
        </Card>
      )}
      {isMaking && <TenantDialog tenant={null} onClose={() => setIsMaking(false)} />}
    </Page>
  );
}

import { Cable, Plug, Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { graphql, usePages, type ResultOf } from "@/api";
import type { SystemFilter, SystemStatus } from "@/api/generated/schema";
import { useIsStaff, usePermission, useTenantScope } from "@/app/session";
import { useConnectors } from "@/pages/connectors/useConnectors";
import { ConnectorIcon } from "@/pages/connectors/ConnectorIcon";
import { ButtonLink, Card, EmptyState, ErrorState, FilterBar, Page, Skeleton, StatusBadge, Time, useAddress, VirtualTable, type Column } from "@/ui";
import styles from "./Systems.module.css";
import { UseWords } from "./UseWords";
import { useUses } from "./useUses";

const SYSTEMS = graphql(`
  query Systems($filter: SystemFilter, $first: Int, $after: String) {
    systems(filter: $filter, orderBy: { field: NAME, direction: ASC }, first: $first, after: $after) {
      edges {
        node {
          id
          name
          status
          statusMessage
          lastTestedAt
          tenant {
            id
            name
          }
          connector {
            name
            title
          }
          circuit {
            state
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

type SystemRow = ResultOf<typeof SYSTEMS>["systems"]["edges"][number]["node"];

const statuses: readonly SystemStatus[] = ["REAUTH_REQUIRED", "FAILING", "HEALTHY", "UNTESTED"];

/** All systems: how each is, and what uses it. */
export default function Systems() {
  const { t } = useTranslation(["systems", "common"]);
  const { tenant } = useTenantScope();
  const isStaff = useIsStaff();
  const mayWrite = usePermission("systems:write");
  const { connectors } = useConnectors();
  const uses = useUses(tenant?.id ?? null);
  const [address] = useAddress();
  const filter = filterOf(address, tenant?.id ?? null);
  const pages = usePages({ query: SYSTEMS, variables: { filter }, connection: (data) => data.systems, typenames: ["System"] });
  const isFiltered = ["search", "status", "connector"].some((name) => address.has(name));
  const create = mayWrite && (
    <ButtonLink kind="primary" to="/systems/new" icon={<Plus size={16} aria-hidden />}>
      {t("new")}
    </ButtonLink>
  );
  const columns: Column<SystemRow>[] = [
    {
      id: "name",
      header: t("column.name"),
      isRowHeader: true,
      width: "minmax(180px, 2fr)",
      cell: ({ name, connector }) => (
        <span className={styles.name}>
          <ConnectorIcon name={connector.name} size={16} />
          {name}
        </span>
      ),
    },
    { id: "connector", header: t("column.connector"), cell: ({ connector }) => connector.title },
    {
      id: "status",
      header: t("column.status"),
      width: "minmax(160px, 2fr)",
      cell: ({ status, statusMessage, circuit }) => (
        <div className={styles.stack}>
          <span className={styles.row}>
            <StatusBadge kind="system" value={status} />
            {circuit.state !== "CLOSED" && <StatusBadge kind="circuit" value={circuit.state} />}
          </span>
          {status !== "HEALTHY" && statusMessage !== null && <span className={styles.message}>{statusMessage}</span>}
        </div>
      ),
    },
    ...(uses.mayRead
      ? [{ id: "uses", header: t("column.uses"), width: "minmax(140px, 1.5fr)", cell: ({ id }: SystemRow) => <UseWords uses={uses.of(id)} extent={uses.extent} /> }]
      : []),
    ...(isStaff && tenant === null ? [{ id: "tenant", header: t("column.tenant"), cell: (row: SystemRow) => row.tenant.name }] : []),
    {
      id: "lastTestedAt",
      header: t("column.lastTestedAt"),
      isLeftOutOnPhones: true,
      cell: ({ lastTestedAt }) => (lastTestedAt === null ? t("never") : <Time at={lastTestedAt} />),
    },
  ];
  return (
    <Page
      title={t("title")}
      description={t("lead")}
      width="wide"
      actions={
        <>
          <ButtonLink kind="quiet" to="/connectors" icon={<Cable size={16} aria-hidden />}>
            {t("connectors")}
          </ButtonLink>
          {create}
        </>
      }
    >
      <FilterBar
        filters={[
          { kind: "search", name: "search", label: t("search") },
          { kind: "choice", name: "status", label: t("column.status"), options: statuses.map((id) => ({ id, label: t(`common:status.system.${id}`) })) },
          { kind: "choice", name: "connector", label: t("column.connector"), options: (connectors ?? []).map(({ name, title }) => ({ id: name, label: title })) },
        ]}
      />
      {pages.isLoading ? (
        <Skeleton lines={8} height={28} />
      ) : pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 && isFiltered ? (
        <EmptyState title={t("nothingFound")}>{t("nothingFoundHelp")}</EmptyState>
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<Plug size={28} aria-hidden />} title={t("empty")} actions={create}>
          {t(mayWrite ? "emptyHelp" : "emptyViewer")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable label={t("title")} pages={pages} columns={columns} to={({ id }) => `/systems/${id}`} />
        </Card>
      )}
    </Page>
  );
}

function filterOf(address: URLSearchParams, tenantId: string | null): SystemFilter {
  const status = statuses.find((each) => each === address.get("status"));
  return { tenantId, search: address.get("search"), connector: address.get("connector"), ...(status && { status: [status] }) };
}

import { CircleCheck, CircleX } from "lucide-react";
import { useTranslation } from "react-i18next";
import { graphql, useEvery, usePages, type ResultOf } from "@/api";
import { Badge, Button, Card, ErrorState, Link, Skeleton, Table, Time, type Column } from "@/ui";
import styles from "./AffectedSystems.module.css";
import { READ_AGAIN_MS } from "./options";

const AFFECTED = graphql(`
  query AffectedSystems($id: ID!, $first: Int, $after: String) {
    incident(id: $id) {
      id
      affected(first: $first, after: $after) {
        edges {
          cursor
          node {
            tenant {
              id
              name
            }
            system {
              id
              name
            }
            integrations {
              id
              name
            }
            firstSeenAt
            lastFailedAt
            recoveredAt
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

type Affected = NonNullable<ResultOf<typeof AFFECTED>["incident"]>["affected"]["edges"][number]["node"];

/** The systems that an incident hits; a tenant sees its own. */
export function AffectedSystems({ incidentId, isManager }: { incidentId: string; isManager: boolean }) {
  const { t } = useTranslation("incidents");
  const pages = usePages({
    query: AFFECTED,
    variables: { id: incidentId },
    connection: ({ incident }) =>
      incident && {
        ...incident.affected,
        edges: incident.affected.edges.map(({ cursor, node }) => ({ node: { ...node, id: cursor } })),
      },
    typenames: ["Incident"],
  });
  useEvery(READ_AGAIN_MS, pages.refresh);
  const system: Column<Affected> = {
    id: "system",
    header: t("affected.system"),
    isRowHeader: true,
    width: "minmax(140px, 2fr)",
    cell: (row) => (row.system ? <Link to={`/systems/${row.system.id}`}>{row.system.name}</Link> : t("affected.gone")),
  };
  const tenant: Column<Affected> = {
    id: "tenant",
    header: t("affected.tenant"),
    width: "minmax(110px, 1fr)",
    cell: (row) => <Link to={`/tenants/${row.tenant.id}`}>{row.tenant.name}</Link>,
  };
  const rest: Column<Affected>[] = [
    {
      id: "integrations",
      header: t("affected.integrations"),
      width: "minmax(140px, 2fr)",
      cell: (row) =>
        row.integrations.length === 0 ? (
          t("affected.none")
        ) : (
          <span className={styles.links}>
            {row.integrations.map(({ id, name }) => (
              <Link key={id} to={`/integrations/${id}`}>
                {name}
              </Link>
            ))}
          </span>
        ),
    },
    {
      id: "state",
      header: t("affected.state"),
      width: "minmax(150px, 1fr)",
      cell: ({ recoveredAt, lastFailedAt }) =>
        recoveredAt ? (
          <Badge tone="success" icon={<CircleCheck size={13} aria-hidden />}>
            {t("affected.answers")} <Time at={recoveredAt} />
          </Badge>
        ) : lastFailedAt ? (
          <Badge tone="danger" icon={<CircleX size={13} aria-hidden />}>
            {t("affected.failed")} <Time at={lastFailedAt} />
          </Badge>
        ) : (
          t("affected.named")
        ),
    },
  ];
  return (
    <Card flush title={isManager ? t("affected.title") : t("affected.titleForTenants")}>
      {pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.isLoading ? (
        <Skeleton lines={4} />
      ) : (
        <>
          <Table
            label={t("affected.title")}
            rows={pages.rows}
            columns={isManager ? [system, tenant, ...rest] : [system, ...rest]}
          />
          {pages.hasMore && (
            <div className={styles.more}>
              <Button size="small" isPending={pages.isLoadingMore} onPress={pages.loadMore}>
                {t("common:loadMore")}
              </Button>
            </div>
          )}
        </>
      )}
    </Card>
  );
}

import { useTranslation } from "react-i18next";
import { graphql, usePages, type ResultOf } from "@/api";
import { Badge, ErrorState, Link, Skeleton, StatusBadge, VirtualTable, type Column } from "@/ui";

const DIFFERENCES = graphql(`
  query DifferencesOfReconciliation($id: ID!, $first: Int, $after: String) {
    reconciliation(id: $id) {
      id
      differences(first: $first, after: $after) {
        edges {
          cursor
          node {
            stream
            key
            businessReference
            kind
            failure {
              id
              status
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

type Difference = NonNullable<ResultOf<typeof DIFFERENCES>["reconciliation"]>["differences"]["edges"][number]["node"] & { id: string };

const tones = { MISSING: "danger", DIFFERENT: "warning", EXTRA: "info" } as const;

/** Records that drifted, and the failure that brings each of them home. */
export function Differences({ reconciliationId }: { reconciliationId: string }) {
  const { t } = useTranslation("integrations");
  const pages = usePages({
    query: DIFFERENCES,
    variables: { id: reconciliationId },
    pageSize: 100,
    typenames: ["Failure", "Reconciliation"],
    connection: (data) => {
      const list = data.reconciliation?.differences;
      return list && { ...list, edges: list.edges.map(({ cursor, node }) => ({ node: { ...node, id: cursor } })) };
    },
  });
  if (pages.isLoading) return <Skeleton lines={5} />;
  if (pages.problem && pages.rows.length === 0) return <ErrorState problem={pages.problem} onRetry={pages.refresh} />;
  const columns: Column<Difference>[] = [
    { id: "reference", header: t("differences.record"), width: "minmax(140px, 1.4fr)", cell: ({ businessReference }) => businessReference },
    { id: "stream", header: t("backfills.stream"), cell: ({ stream }) => stream },
    {
      id: "kind",
      header: t("differences.kind"),
      width: "minmax(150px, 1.4fr)",
      cell: ({ kind }) => <Badge tone={tones[kind]}>{t(`differenceKind.${kind}`)}</Badge>,
    },
    {
      id: "failure",
      header: t("differences.failure"),
      width: "minmax(120px, 1fr)",
      cell: ({ failure }) =>
        failure ? (
          <Link to={`/failures/${failure.id}`}>
            <StatusBadge kind="failure" value={failure.status} />
          </Link>
        ) : (
          t("differences.left")
        ),
    },
  ];
  return <VirtualTable label={t("differences.title")} pages={pages} columns={columns} />;
}

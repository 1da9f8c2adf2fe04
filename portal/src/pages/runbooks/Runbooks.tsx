import { BookOpen, Plus, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { graphql, usePages, type ResultOf } from "@/api";
import { usePermission } from "@/app/session";
import {
  Badge,
  ButtonLink,
  Card,
  EmptyState,
  ErrorState,
  FilterBar,
  Page,
  Skeleton,
  Time,
  useAddress,
  VirtualTable,
  type Column,
} from "@/ui";
import { Selectors } from "./Selectors";

const RUNBOOKS = graphql(`
  query Runbooks($filter: RunbookFilter, $first: Int, $after: String) {
    runbooks(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          title
          isBuiltIn
          code
          connector
          integration {
            id
            name
          }
          version
          lastReviewedAt
          isReviewOverdue
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Runbook = ResultOf<typeof RUNBOOKS>["runbooks"]["edges"][number]["node"];

/** What staff do about failures: the operator's own, and those that ship with the product. */
export default function Runbooks() {
  const { t } = useTranslation("runbooks");
  const [address] = useAddress();
  const mayWrite = usePermission("runbooks:manage");
  const kind = address.get("kind");
  const search = address.get("search");
  const pages = usePages({
    query: RUNBOOKS,
    variables: {
      filter: {
        ...(search && { search }),
        ...((kind === "own" || kind === "shipped") && { isBuiltIn: kind === "shipped" }),
        ...(kind === "overdue" && { isReviewOverdue: true }),
      },
    },
    connection: (data) => data.runbooks,
    typenames: ["Runbook"],
  });
  const columns: Column<Runbook>[] = [
    { id: "title", header: t("column.title"), cell: ({ title }) => title, isRowHeader: true, width: "minmax(220px, 3fr)" },
    { id: "about", header: t("about"), cell: (runbook) => <Selectors runbook={runbook} />, width: "minmax(160px, 2fr)" },
    {
      id: "origin",
      header: t("origin"),
      cell: ({ isBuiltIn, version }) => (isBuiltIn ? t("shipped") : t("ownVersion", { version })),
      width: "140px",
    },
    {
      id: "reviewed",
      header: t("lastReviewed"),
      cell: ({ lastReviewedAt, isReviewOverdue }) =>
        isReviewOverdue ? (
          <Badge tone="warning" icon={<TriangleAlert size={13} aria-hidden />}>
            {t("overdue")}
          </Badge>
        ) : lastReviewedAt ? (
          <Time at={lastReviewedAt} />
        ) : (
          "–"
        ),
      width: "150px",
    },
  ];
  return (
    <Page
      title={t("title")}
      description={t("lead")}
      actions={
        mayWrite && (
          <ButtonLink kind="primary" to="/runbooks/new" icon={<Plus size={16} aria-hidden />}>
            {t("new")}
          </ButtonLink>
        )
      }
    >
      <FilterBar
        filters={[
          { kind: "search", name: "search", label: t("search"), placeholder: t("search") },
          {
            kind: "choice",
            name: "kind",
            label: t("filter.kind"),
            options: [
              { id: "own", label: t("filter.own") },
              { id: "shipped", label: t("filter.shipped") },
              { id: "overdue", label: t("filter.overdue") },
            ],
          },
        ]}
      />
      {pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.isLoading ? (
        <Skeleton lines={8} height={40} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<BookOpen size={32} aria-hidden />} title={t("empty")}>
          {t("emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable label={t("title")} pages={pages} to={({ id }) => `/runbooks/${id}`} columns={columns} />
        </Card>
      )}
    </Page>
  );
}

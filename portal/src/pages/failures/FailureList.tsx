import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useLive, usePages, useThrottled } from "@/api";
import type { FailureFilter, FailureOrder } from "@/api/generated/schema";
import { usePermission } from "@/app/session";
import { Card, EmptyState, ErrorState, Skeleton, StatusBadge, Time, VirtualTable, type Column, type Sort } from "@/ui";
import styles from "./FailureList.module.css";
import type { FailureRow } from "./failureRow";
import "./failureRow";
import { SelectionBar } from "./SelectionBar";
import { useFailureName } from "./useFailureName";
import { usePartyName } from "./usePartyName";

const FAILURES = graphql(`
  query Failures($filter: FailureFilter, $orderBy: FailureOrder, $first: Int, $after: String) {
    failures(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      edges {
        node {
          ...FailureRow
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const FAILURE_CHANGED = graphql(`
  subscription FailureListChanged($integrationId: ID, $since: DateTime) {
    failureChanged(integrationId: $integrationId, since: $since) {
      ...FailureRow
    }
  }
`);

export interface FailureListProps {
  filter: FailureFilter;
  label: string;
  /** Beside others of several tenants, integrations, causes: what tells them apart. */
  shows?: { tenant?: boolean; integration?: boolean; summary?: boolean };
  /** Words where there is none. */
  empty: { title: string; help?: string };
  onRetryStarted: (retryId: string) => void;
}

const REFRESH_MS = 3_000;

/** Failures that are listed, chosen, and retried or skipped together. It goes on by itself. */
export function FailureList({ filter, label, shows = {}, empty, onRetryStarted }: FailureListProps) {
  const { t } = useTranslation("failures");
  const canRetry = usePermission("failures:retry");
  const canSkip = usePermission("failures:skip");
  const [sort, setSort] = useState<Sort>({ column: "failedAt", direction: "descending" });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const pages = usePages({
    query: FAILURES,
    variables: { filter, orderBy: orderOf(sort) },
    connection: (data) => data.failures,
    pageSize: 100,
    typenames: ["Failure"],
  });
  const refresh = useThrottled(pages.refresh, REFRESH_MS);
  useLive(FAILURE_CHANGED, {
    variables: { integrationId: filter.integrationId },
    onChange: ({ failureChanged }) => {
      pages.patch(failureChanged);
      refresh();
    },
    onBehind: refresh,
  });
  const nameOf = useFailureName();
  const partyName = usePartyName();
  const columns: Column<FailureRow>[] = [
    {
      id: "reference",
      header: t("column.record"),
      isRowHeader: true,
      width: shows.summary === false ? "minmax(120px, 1fr)" : "minmax(260px, 4fr)",
      cell: (row) => (
        <span className={styles.stack}>
          <span className={styles.name}>{nameOf(row)}</span>
          {shows.summary !== false && <span className={styles.note}>{row.summary}</span>}
        </span>
      ),
    },
    ...(shows.integration
      ? [
          {
            id: "integration",
            header: t("column.integration"),
            width: "minmax(120px, 1.4fr)",
            cell: (row: FailureRow) => (
              <span className={styles.stack}>
                {row.integration.name}
                {shows.tenant && <span className={styles.note}>{row.tenant.name}</span>}
              </span>
            ),
          },
        ]
      : []),
    { id: "status", header: t("column.status"), width: "118px", cell: (row) => <StatusBadge kind="failure" value={row.status} /> },
    { id: "impact", header: t("column.impact"), width: "136px", isLeftOutOnPhones: true, cell: (row) => <StatusBadge kind="impact" value={row.impact} /> },
    { id: "acts", header: t("column.acts"), width: "minmax(84px, 0.7fr)", isLeftOutOnPhones: true, cell: (row) => partyName(row.responsibleParty) },
    { id: "failedAt", header: t("column.failedAt"), width: "112px", isSortable: true, cell: (row) => <Time at={row.failedAt} /> },
  ];
  if (pages.isLoading) return <Card><Skeleton lines={10} height={24} /></Card>;
  if (pages.rows.length === 0 && pages.problem) return <ErrorState problem={pages.problem} onRetry={pages.refresh} />;
  if (pages.rows.length === 0) return <Card><EmptyState title={empty.title}>{empty.help}</EmptyState></Card>;
  const canChoose = canRetry || canSkip;
  return (
    <>
      {canChoose && (
        <SelectionBar
          rows={pages.rows.filter((row) => selected.has(row.id))}
          within={filter}
          onClear={() => setSelected(new Set())}
          onSkipped={pages.refresh}
          onRetryStarted={(retryId) => {
            setSelected(new Set());
            onRetryStarted(retryId);
          }}
        />
      )}
      <Card flush>
        <VirtualTable
          label={label}
          pages={pages}
          columns={columns}
          to={({ id }) => `/failures/${id}`}
          sort={sort}
          onSort={setSort}
          {...(canChoose ? { selected, onSelect: setSelected, nameOf } : {})}
          rowHeight={57}
        />
      </Card>
    </>
  );
}

function orderOf({ direction }: Sort): FailureOrder {
  return { field: "FAILED_AT", direction: direction === "ascending" ? "ASC" : "DESC" };
}

import { Ban, History } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useLive, useMutationForm, usePages, type ResultOf } from "@/api";
import { usePermission } from "@/app/session";
import { isOver } from "@/pages/runs/runRow";
import { RUN_CHANGED } from "@/pages/runs/runQuery";
import { Button, Card, ConfirmDialog, Count, EmptyState, ErrorState, Skeleton, StatusBadge, Time, toast, VirtualTable, type Column } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { BackfillDialog } from "./BackfillDialog";

const BACKFILLS = graphql(`
  query BackfillsOfIntegration($id: ID!, $first: Int, $after: String) {
    integration(id: $id) {
      id
      backfills(first: $first, after: $after) {
        edges {
          node {
            id
            stream
            from
            to
            status
            requestedBy
            createdAt
            finishedAt
            counts {
              read
              created
              updated
              failed
            }
            runs(first: 1) {
              edges {
                node {
                  id
                }
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
  }
`);

const CANCEL_BACKFILL = graphql(`
  mutation CancelBackfill($input: CancelBackfillInput!) {
    cancelBackfill(input: $input) {
      backfill {
        id
        status
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

type Backfill = NonNullable<ResultOf<typeof BACKFILLS>["integration"]>["backfills"]["edges"][number]["node"];

/** Ranges of streams that were read once more. */
export default function Backfills({ integration }: { integration: IntegrationOfPage }) {
  const { t } = useTranslation("integrations");
  const mayStart = usePermission("runs:start");
  const [isStarting, setIsStarting] = useState(false);
  const [canceled, setCanceled] = useState<Backfill | null>(null);
  const pages = usePages({
    query: BACKFILLS,
    variables: { id: integration.id },
    connection: (data) => data.integration?.backfills,
    typenames: ["Backfill"],
  });
  useLive(RUN_CHANGED, {
    variables: { integrationId: integration.id },
    onChange: ({ runChanged: { backfill, status, counts, finishedAt } }) => {
      if (!backfill) return;
      if (pages.rows.some(({ id }) => id === backfill.id)) pages.patch({ id: backfill.id, status, counts, finishedAt });
      else pages.refresh();
    },
    onBehind: pages.refresh,
  });
  const form = useMutationForm(CANCEL_BACKFILL, {
    payload: (data) => data.cancelBackfill,
    onDone: () => {
      toast(t("backfills.canceled"));
      setCanceled(null);
    },
  });
  const withCursor = integration.streams.filter(({ cursorField }) => cursorField != null);
  const canStart = mayStart && integration.status !== "ARCHIVED" && withCursor.length > 0;
  const start = canStart && (
    <Button kind="primary" icon={<History size={16} aria-hidden />} onPress={() => setIsStarting(true)}>
      {t("backfills.start")}
    </Button>
  );
  const columns: Column<Backfill>[] = [
    { id: "stream", header: t("backfills.stream"), width: "minmax(120px, 1fr)", cell: ({ stream }) => stream },
    {
      id: "range",
      header: t("backfills.range"),
      width: "minmax(180px, 2fr)",
      cell: ({ from, to }) => (to == null ? t("backfills.rangeOpen", { from: textOf(from) }) : t("backfills.rangeOf", { from: textOf(from), to: textOf(to) })),
    },
    { id: "status", header: t("backfills.status"), width: "minmax(128px, 0.9fr)", cell: ({ status }) => <StatusBadge kind="run" value={status} /> },
    { id: "read", header: t("backfills.read"), align: "end", cell: ({ counts }) => <Count value={counts.read} /> },
    { id: "failed", header: t("column.failed"), align: "end", cell: ({ counts }) => <Count value={counts.failed} /> },
    { id: "createdAt", header: t("backfills.askedFor"), width: "minmax(110px, 0.9fr)", cell: ({ createdAt }) => <Time at={createdAt} /> },
    { id: "by", header: t("backfills.by"), width: "minmax(120px, 1fr)", cell: ({ requestedBy }) => requestedBy },
    {
      id: "cancel",
      header: t("backfills.cancel"),
      hideHeader: true,
      width: "120px",
      cell: (backfill) =>
        mayStart &&
        !isOver(backfill) && (
          <Button size="small" kind="quiet" icon={<Ban size={14} aria-hidden />} onPress={() => setCanceled(backfill)}>
            {t("backfills.cancel")}
          </Button>
        ),
    },
  ];
  return (
    <>
      {pages.isLoading ? (
        <Skeleton lines={6} height={24} />
      ) : pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<History size={28} aria-hidden />} title={t("backfills.none")} actions={start}>
          {t(withCursor.length > 0 ? "backfills.noneHelp" : "backfills.noCursor")}
        </EmptyState>
      ) : (
        <Card title={t("tab.backfills")} description={t("backfills.lead")} actions={start} flush>
          <VirtualTable
            label={t("tab.backfills")}
            pages={pages}
            columns={columns}
            to={({ runs }) => `/runs/${runs.edges[0]?.node.id ?? ""}`}
          />
        </Card>
      )}
      {canStart && (
        <BackfillDialog integrationId={integration.id} streams={withCursor} isOpen={isStarting} onClose={() => setIsStarting(false)} />
      )}
      <ConfirmDialog
        title={t("backfills.cancelTitle")}
        isOpen={canceled !== null}
        onClose={() => setCanceled(null)}
        action={t("backfills.cancel")}
        isDanger
        form={form}
        onConfirm={() => canceled && void form.submit({ backfillId: canceled.id })}
      >
        {t("backfills.cancelHelp")}
      </ConfirmDialog>
    </>
  );
}

/** A value of the cursor field: a text or a number. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

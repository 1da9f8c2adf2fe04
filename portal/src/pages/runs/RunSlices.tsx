import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { graphql, usePages, type ResultOf } from "@/api";
import { usePermission } from "@/app/session";
import { StageTimeline, type Stage } from "@/charts";
import { useLanguage } from "@/i18n";
import { Badge, Card, Count, Duration, ErrorState, format, Skeleton, VirtualTable, type Column, type Tone } from "@/ui";
import type { RunOfPage } from "./runQuery";

const RUN_SLICES = graphql(`
  query RunSlices($id: ID!, $withWorkers: Boolean!, $first: Int, $after: String) {
    run(id: $id) {
      id
      slices(first: $first, after: $after) {
        edges {
          cursor
          node {
            stream
            ordinal
            status
            pageCount
            startedAt
            finishedAt
            worker @include(if: $withWorkers)
            counts {
              read
              created
              updated
              unchanged
              failed
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

type Slice = NonNullable<ResultOf<typeof RUN_SLICES>["run"]>["slices"]["edges"][number]["node"] & { id: string };

const tones: Record<Slice["status"], Tone> = {
  QUEUED: "neutral",
  RUNNING: "info",
  FINISHED: "success",
  FAILED: "danger",
  STOPPED: "neutral",
};

/** The parts of streams that several workers read at once: each beside the others in time, and its numbers. */
export default function RunSlices({ run }: { run: RunOfPage }) {
  const { t } = useTranslation("runs");
  const language = useLanguage();
  const withWorkers = usePermission("internals:read");
  const pages = usePages({
    query: RUN_SLICES,
    variables: { id: run.id, withWorkers },
    pageSize: 100,
    connection: (data) => {
      const slices = data.run?.slices;
      return slices && { ...slices, edges: slices.edges.map(({ cursor, node }) => ({ node: { ...node, id: cursor } })) };
    },
  });
  const { refresh } = pages;
  useEffect(() => refresh(), [refresh, run.counts.read, run.status]);
  if (pages.isLoading) return <Skeleton lines={6} />;
  if (pages.problem && pages.rows.length === 0) return <ErrorState problem={pages.problem} onRetry={refresh} />;
  const stages = pages.rows.flatMap((slice): Stage[] =>
    slice.startedAt == null
      ? []
      : [
          {
            id: slice.id,
            name: `${slice.stream} ${slice.ordinal}`,
            from: slice.startedAt,
            to: slice.finishedAt ?? run.finishedAt ?? null,
            tone: tones[slice.status],
            note: t("slices.read", { records: format.count(slice.counts.read, language), count: slice.counts.read }),
          },
        ],
  );
  const columns: Column<Slice>[] = [
    { id: "name", header: t("slices.slice"), width: "minmax(140px, 2fr)", cell: (slice) => `${slice.stream} ${slice.ordinal}` },
    {
      id: "status",
      header: t("column.status"),
      cell: (slice) => <Badge tone={tones[slice.status]}>{t(`sliceStatus.${slice.status}`)}</Badge>,
    },
    { id: "pages", header: t("slices.pages"), align: "end", cell: (slice) => <Count value={slice.pageCount} /> },
    { id: "readCount", header: t("column.read"), align: "end", cell: (slice) => <Count value={slice.counts.read} /> },
    {
      id: "written",
      header: t("column.written"),
      align: "end",
      cell: (slice) => <Count value={slice.counts.created + slice.counts.updated} />,
    },
    { id: "failed", header: t("column.failed"), align: "end", cell: (slice) => <Count value={slice.counts.failed} /> },
    {
      id: "took",
      header: t("column.took"),
      align: "end",
      cell: (slice) => (slice.startedAt == null ? "–" : <Duration from={slice.startedAt} to={slice.finishedAt ?? run.finishedAt ?? null} />),
    },
    ...(withWorkers
      ? [{ id: "worker", header: t("slices.worker"), width: "minmax(140px, 1.5fr)", cell: (slice: Slice) => slice.worker ?? "–" }]
      : []),
  ];
  return (
    <>
      {stages.length > 0 && (
        <Card>
          <StageTimeline title={t("slices.timeline")} stages={stages} />
        </Card>
      )}
      <Card flush>
        <VirtualTable label={t("tab.slices")} pages={pages} columns={columns} />
      </Card>
    </>
  );
}

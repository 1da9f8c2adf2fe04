import { FileDown, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useEvery, usePages, useMutationForm } from "@/api";
import { useIsStaff, useTenantScope, usePermission } from "@/app/session";
import { useLanguage } from "@/i18n";
import { Button, Card, type Column, EmptyState, ErrorState, format, NotFound, Page, Skeleton, Time, toast, VirtualTable } from "@/ui";
import { ExportActions } from "./ExportActions";
import { ExportState } from "./ExportState";
import { NewExportDialog } from "./NewExportDialog";

const EXPORTS = graphql(`
  query Exports($filter: ExportFilter, $first: Int, $after: String) {
    exports(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          connection
          status
          rowCount
          byteCount
          createdBy
          createdAt
          expiresAt
          failureMessage
          url
          tenant {
            id
            name
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

const CANCEL = graphql(`
  mutation CancelExport($input: CancelExportInput!) {
    cancelExport(input: $input) {
      export {
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

const LOOK_MS = 2_000;

/** Files of whole lists: made in the background, and had here for a day. */
export default function Exports() {
  const { t } = useTranslation(["exports", "common"]);
  const language = useLanguage();
  const isStaff = useIsStaff();
  const mayExport = usePermission("exports:manage");
  const { tenant } = useTenantScope();
  const [isOpen, setIsOpen] = useState(false);
  const pages = usePages({
    query: EXPORTS,
    variables: { filter: { tenantId: tenant?.id ?? null } },
    connection: (data) => data.exports,
    typenames: ["Export"],
    paused: !mayExport,
  });
  const isUnderWay = pages.rows.some(({ status }) => status === "QUEUED" || status === "RUNNING");
  useEvery(LOOK_MS, pages.refresh, !isUnderWay);
  const cancel = useMutationForm(CANCEL, {
    payload: (data) => data.cancelExport,
    onDone: () => {
      toast(t("canceled"));
      pages.refresh();
    },
    onRefused: ([first]) => first && toast(first.message, "danger"),
  });
  if (!mayExport) return <NotFound />;
  const make = (
    <Button kind="primary" icon={<Plus size={16} aria-hidden />} onPress={() => setIsOpen(true)}>
      {t("new")}
    </Button>
  );
  const columns: Column<(typeof pages.rows)[number]>[] = [
    { id: "what", header: t("what"), width: "minmax(120px, 1.2fr)", cell: ({ connection }) => t(`kind.${connection}`, { defaultValue: connection }) },
    ...(isStaff && !tenant ? [{ id: "tenant", header: t("tenant"), cell: (row: (typeof pages.rows)[number]) => row.tenant.name }] : []),
    { id: "status", header: t("state"), width: "minmax(150px, 1.4fr)", cell: (row) => <ExportState status={row.status} message={row.failureMessage} /> },
    { id: "rows", header: t("rows"), align: "end", width: "minmax(80px, .7fr)", cell: ({ rowCount }) => format.count(rowCount, language) },
    { id: "bytes", header: t("size"), align: "end", width: "minmax(80px, .7fr)", cell: ({ byteCount }) => (byteCount > 0 ? format.bytes(byteCount, language) : "–") },
    { id: "by", header: t("by"), cell: ({ createdBy }) => createdBy, isLeftOutOnPhones: true },
    { id: "at", header: t("at"), cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      id: "actions",
      header: t("actions"),
      hideHeader: true,
      align: "end",
      width: "minmax(160px, 1.2fr)",
      cell: (row) => <ExportActions row={row} onCancel={() => void cancel.submit({ exportId: row.id })} />,
    },
  ];
  return (
    <Page title={t("common:navigation.exports")} description={t("lead")} actions={pages.rows.length > 0 && make}>
      {pages.isLoading ? (
        <Skeleton lines={6} height={32} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<FileDown size={28} aria-hidden />} title={t("empty")} actions={make}>
          {t("emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable label={t("common:navigation.exports")} pages={pages} columns={columns} />
        </Card>
      )}
      {isOpen && (
        <NewExportDialog
          onClose={() => setIsOpen(false)}
          onDone={() => {
            setIsOpen(false);
            toast(t("begun"));
            pages.refresh();
          }}
        />
      )}
    </Page>
  );
}

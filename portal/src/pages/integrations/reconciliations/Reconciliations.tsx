import { GitCompareArrows } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, useLive, useMutationForm, usePages } from "@/api";
import { usePermission } from "@/app/session";
import { RUN_CHANGED } from "@/pages/runs/runQuery";
import { Badge, Button, Card, Count, EmptyState, ErrorState, FormBanner, Skeleton, Time, toast, useAddress, VirtualTable, type Column } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { ReconcilePolicy } from "./ReconcilePolicy";
import { ReconciliationDetails } from "./ReconciliationDetails";
import { statusTones } from "./reconciliationLook";
import { RECONCILIATION, RECONCILIATIONS, type ReconciliationOf } from "./reconciliationQuery";

const RECONCILE = graphql(`
  mutation ReconcileIntegration($input: ReconcileIntegrationInput!) {
    reconcileIntegration(input: $input) {
      reconciliation {
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

/** Both ends compared: what came of it each time, and one of them in full. */
export default function Reconciliations({ integration }: { integration: IntegrationOfPage }) {
  const { t } = useTranslation(["integrations", "actions"]);
  const mayStart = usePermission("runs:start");
  const withFailures = usePermission("failures:read");
  const [address, setAddress] = useAddress();
  const [started, setStarted] = useState<string | null>(null);
  const pages = usePages({
    query: RECONCILIATIONS,
    variables: { id: integration.id, withFailures },
    connection: (data) => data.integration?.reconciliations,
    typenames: ["Reconciliation"],
  });
  useLive(RUN_CHANGED, {
    variables: { integrationId: integration.id },
    onChange: ({ runChanged }) => {
      if (runChanged.reconciliation) pages.refresh();
    },
    onBehind: pages.refresh,
  });
  const form = useMutationForm(RECONCILE, {
    payload: (data) => data.reconcileIntegration,
    onDone: ({ reconciliation }) => {
      toast(t("reconcile.started"));
      setStarted(reconciliation?.id ?? null);
      setAddress({ reconciliation: null });
    },
  });
  const chosen = address.get("reconciliation") ?? started;
  const listed = chosen === null ? pages.rows[0] : pages.rows.find(({ id }) => id === chosen);
  // One that a link names may stand far behind.
  const isFar = chosen !== null && !pages.isLoading && listed === undefined;
  const [{ data: far }] = useQuery({ query: RECONCILIATION, variables: { id: chosen ?? "", withFailures }, pause: !isFar });
  const shown = listed ?? far?.reconciliation ?? (far ? pages.rows[0] : undefined);
  const start = mayStart && integration.status !== "ARCHIVED" && (
    <Button
      kind="primary"
      icon={<GitCompareArrows size={16} aria-hidden />}
      isPending={form.isBusy}
      onPress={() => void form.submit({ integrationId: integration.id, idempotencyKey: form.idempotencyKey() })}
    >
      {t("reconcile.start")}
    </Button>
  );
  const sum = (row: ReconciliationOf, count: "matched" | "missing" | "different" | "extra") =>
    row.streams.reduce((all, { counts }) => all + (counts[count] ?? 0), 0);
  const columns: Column<ReconciliationOf>[] = [
    {
      id: "createdAt",
      header: t("reconcile.when"),
      width: "minmax(120px, 1fr)",
      cell: ({ createdAt }) => <Time at={createdAt} />,
    },
    {
      id: "status",
      header: t("reconcile.status"),
      width: "minmax(130px, 1fr)",
      cell: ({ status }) => <Badge tone={statusTones[status]}>{t(`reconciliationStatus.${status}`)}</Badge>,
    },
    { id: "by", header: t("reconcile.by"), width: "minmax(130px, 1.4fr)", cell: ({ requestedBy }) => requestedBy },
    ...(["matched", "missing", "different", "extra"] as const).map((count) => ({
      id: count,
      header: t(`reconcileCount.${count}`),
      align: "end" as const,
      cell: (row: ReconciliationOf) => <Count value={sum(row, count)} />,
    })),
  ];
  return (
    <>
      <FormBanner form={form} />
      {pages.data?.integration && <ReconcilePolicy integration={integration} policy={pages.data.integration.reconcile} actions={start} />}
      {pages.isLoading ? (
        <Skeleton lines={6} height={24} />
      ) : pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<GitCompareArrows size={28} aria-hidden />} title={t("reconcile.none")}>
          {t("reconcile.noneHelp")}
        </EmptyState>
      ) : (
        <>
          {shown && <ReconciliationDetails key={shown.id} reconciliation={shown} onRepaired={pages.refresh} />}
          {pages.rows.length > 1 && (
            <Card title={t("reconcile.earlier")} flush>
              <VirtualTable
                label={t("reconcile.earlier")}
                pages={pages}
                columns={columns}
                to={({ id }) => `/integrations/${integration.id}?tab=reconciliation&reconciliation=${id}`}
              />
            </Card>
          )}
        </>
      )}
    </>
  );
}

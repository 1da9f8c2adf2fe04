import { Wrench } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { RetryProgress } from "@/actions";
import { graphql, useMutationForm } from "@/api";
import { usePermission } from "@/app/session";
import { useLanguage } from "@/i18n";
import { Badge, Banner, Button, Card, Code, Count, Disclosure, format, FormBanner, KeyValue, Link, Table, Time, type Column } from "@/ui";
import { Differences } from "./Differences";
import { outcomeTones, statusTones } from "./reconciliationLook";
import type { ReconciliationOf } from "./reconciliationQuery";
import styles from "./Reconciliations.module.css";

const REPAIR = graphql(`
  mutation RepairReconciliation($input: RepairReconciliationInput!) {
    repairReconciliation(input: $input) {
      reconciliation {
        id
      }
      retry {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

type ComparedStream = ReconciliationOf["streams"][number];

const counted = ["source", "matched", "missing", "different", "failing", "notMoved", "extra"] as const;

interface ReconciliationDetailsProps {
  reconciliation: ReconciliationOf;
  onRepaired: () => void;
}

/** What came of one comparison: stream by stream, the records that drifted, and the way to bring them home. */
export function ReconciliationDetails({ reconciliation, onRepaired }: ReconciliationDetailsProps) {
  const { t } = useTranslation("integrations");
  const mayRepair = usePermission("failures:retry");
  const readsFailures = usePermission("failures:read");
  const [retryId, setRetryId] = useState<string | null>(null);
  const form = useMutationForm(REPAIR, {
    payload: (data) => data.repairReconciliation,
    onDone: ({ retry }) => {
      setRetryId(retry?.id ?? null);
      onRepaired();
    },
  });
  const shownRetry = retryId ?? reconciliation.repairedBy?.id ?? null;
  const hasDrifted = reconciliation.status === "DRIFTED";
  const columns: Column<ComparedStream & { id: string }>[] = [
    { id: "stream", header: t("backfills.stream"), width: "minmax(120px, 1.4fr)", cell: ({ name }) => name },
    {
      id: "outcome",
      header: t("reconcile.outcome"),
      width: "minmax(130px, 1.2fr)",
      cell: ({ outcome }) => <Badge tone={outcomeTones[outcome]}>{t(`reconciliationStatus.${outcome}`)}</Badge>,
    },
    ...counted.map((count) => ({
      id: count,
      header: t(`reconcileCount.${count}`),
      width: "minmax(76px, 0.7fr)",
      align: "end" as const,
      cell: ({ counts }: ComparedStream) => (counts[count] == null ? "–" : <Count value={counts[count]} />),
    })),
  ];
  return (
    <Card
      title={
        <span className={styles.heading}>
          <Time at={reconciliation.createdAt} as="absolute" />
          <Badge tone={statusTones[reconciliation.status]}>{t(`reconciliationStatus.${reconciliation.status}`)}</Badge>
        </span>
      }
      description={
        <>
          {reconciliation.requestedBy} · <Link to={`/runs/${reconciliation.run.id}`}>{t("reconcile.toRun")}</Link>
        </>
      }
      actions={
        mayRepair &&
        hasDrifted && (
          <Button
            icon={<Wrench size={16} aria-hidden />}
            isPending={form.isBusy}
            onPress={() => void form.submit({ reconciliationId: reconciliation.id, idempotencyKey: form.idempotencyKey() })}
          >
            {t("reconcile.repair")}
          </Button>
        )
      }
    >
      <FormBanner form={form} />
      {shownRetry !== null && <RetryProgress retryId={shownRetry} onOver={onRepaired} />}
      {reconciliation.streams.length === 0 ? (
        <p className={styles.muted}>{t("reconcile.underWay")}</p>
      ) : (
        <Table
          label={t("reconcile.streams")}
          columns={columns}
          rows={reconciliation.streams.map((stream) => ({ ...stream, id: stream.name }))}
        />
      )}
      {reconciliation.streams.map(
        ({ name, reason }) =>
          reason != null && (
            <Banner key={name} tone="warning" title={name}>
              {reason}
            </Banner>
          ),
      )}
      {hasDrifted && readsFailures && <Differences reconciliationId={reconciliation.id} />}
      {reconciliation.streams.length > 0 && (
        <Disclosure title={t("reconcile.checksums")}>
          <Checksums streams={reconciliation.streams} />
        </Disclosure>
      )}
    </Card>
  );
}

function Checksums({ streams }: { streams: readonly ComparedStream[] }) {
  const { t } = useTranslation("integrations");
  const language = useLanguage();
  return (
    <div className={styles.checksums}>
      <p className={styles.muted}>{t("reconcile.checksumsHelp")}</p>
      {streams.map(({ name, checksums, counts, finishedAt }) => (
        <div key={name}>
          <strong>{name}</strong>
          <KeyValue
            entries={[
              [t("checksum.sourceKeys"), <Code key="sk">{checksums.sourceKeys}</Code>],
              [t("checksum.destinationKeys"), <Code key="dk">{checksums.destinationKeys}</Code>],
              [t("checksum.sourceRecords"), <Code key="sr">{checksums.sourceRecords}</Code>],
              [t("checksum.destinationRecords"), <Code key="dr">{checksums.destinationRecords}</Code>],
              [t("reconcileCount.read"), format.count(counts.read, language, false)],
              [t("reconcileCount.leftOut"), format.count(counts.leftOut, language, false)],
              [t("reconcileCount.refused"), format.count(counts.refused, language, false)],
              [t("reconcileCount.others"), counts.others != null && format.count(counts.others, language, false)],
              [t("reconcile.comparedAt"), <Time key="at" at={finishedAt} as="absolute" />],
            ]}
          />
        </div>
      ))}
    </div>
  );
}

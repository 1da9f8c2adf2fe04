import { Handshake } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf, type ResultOf } from "@/api";
import { useTenantScope } from "@/app/session";
import { useLanguage } from "@/i18n";
import { Card, Count, Duration, EmptyState, ErrorState, FilterBar, format, Link, momentsOf, Skeleton, Table, useAddress, type Column } from "@/ui";
import styles from "./Escalations.module.css";
import { useTenantNames } from "./useTenantNames";

const REPORT = graphql(`
  query SlaReport($tenantId: ID, $from: DateTime, $to: DateTime) {
    slaReport(tenantId: $tenantId, from: $from, to: $to) {
      tenantId
      kind
      met
      breached
      open
      medianSeconds
    }
  }
`);

type Line = ResultOf<typeof REPORT>["slaReport"][number];
const context = { additionalTypenames: ["SlaReportLine", "FailureGroup"] };

/** How promises were kept, for each tenant and kind of promise. */
export function SlaReport() {
  const { t } = useTranslation("escalations");
  const language = useLanguage();
  const { tenant } = useTenantScope();
  const [address] = useAddress();
  const from = address.get("daysFrom");
  const to = address.get("daysTo");
  const range = from && to ? momentsOf({ from, to }) : null;
  const [{ data, error }, execute] = useQuery({
    query: REPORT,
    variables: { tenantId: tenant?.id, from: range?.from, to: range?.before },
    context,
  });
  const lines = data?.slaReport ?? [];
  const names = useTenantNames([...new Set(lines.map((line) => line.tenantId))]);
  const columns: Column<Line>[] = [
    {
      id: "tenant",
      header: t("promises.tenant"),
      isRowHeader: true,
      width: "minmax(160px, 2fr)",
      cell: ({ tenantId }) => <Link to={`/tenants/${tenantId}`}>{names[tenantId] ?? tenantId}</Link>,
    },
    { id: "kind", header: t("promises.kind"), width: "minmax(150px, 1fr)", cell: ({ kind }) => t(`sla.kind.${kind}`) },
    {
      id: "kept",
      header: t("promises.kept"),
      width: "minmax(150px, 1.2fr)",
      cell: ({ met, breached }) => {
        const ended = met + breached;
        if (ended === 0) return "–";
        return `${format.percent(met / ended, language)} (${format.count(met, language)} / ${format.count(ended, language)})`;
      },
    },
    { id: "breached", header: t("promises.breached"), align: "end", width: "110px", cell: ({ breached }) => <Count value={breached} /> },
    { id: "open", header: t("promises.open"), align: "end", width: "90px", cell: ({ open }) => <Count value={open} /> },
    {
      id: "median",
      header: t("promises.median"),
      align: "end",
      width: "140px",
      cell: ({ medianSeconds }) => (medianSeconds == null ? "–" : <Duration ms={medianSeconds * 1_000} />),
    },
  ];
  return (
    <>
      <FilterBar filters={[{ kind: "days", name: "days", label: t("promises.days") }]}>
        {!range && <span className={styles.note}>{t("promises.default")}</span>}
      </FilterBar>
      {error && !data ? (
        <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />
      ) : !data ? (
        <Skeleton lines={6} height={40} />
      ) : lines.length === 0 ? (
        <EmptyState icon={<Handshake size={32} aria-hidden />} title={t("promises.empty")}>
          {t("promises.emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <Table label={t("promises.title")} rows={lines.map((line) => ({ ...line, id: `${line.tenantId}.${line.kind}` }))} columns={columns} />
        </Card>
      )}
    </>
  );
}

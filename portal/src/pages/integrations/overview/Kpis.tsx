import { CircleAlert, CircleCheck, CircleHelp } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, type ResultOf } from "@/api";
import { Sparkline } from "@/charts";
import { useLanguage } from "@/i18n";
import { Badge, Card, format } from "@/ui";
import styles from "./Kpis.module.css";
import { periods, type Period } from "./period";

const KPIS = graphql(`
  query KpisOfIntegration($id: ID!, $windowHours: Int!, $by: HealthPeriod!, $from: DateTime!) {
    integration(id: $id) {
      id
      kpis {
        key
        name
        unit
        kind
        stream
        status
        target {
          atLeast
          atMost
          per
        }
        measured(windowHours: $windowHours) {
          value
          count
        }
        series(by: $by, from: $from) {
          from
          value
        }
      }
    }
  }
`);

type Kpi = NonNullable<ResultOf<typeof KPIS>["integration"]>["kpis"][number];

const looks = {
  MET: { tone: "success", icon: CircleCheck },
  MISSED: { tone: "danger", icon: CircleAlert },
  UNKNOWN: { tone: "neutral", icon: CircleHelp },
} as const;

/** What is measured of the records that are delivered: sums, shares, delays; beside what they are to be. */
export function Kpis({ integrationId, period, revision }: { integrationId: string; period: Period; revision: number }) {
  const { t } = useTranslation("integrations");
  const { hours, by } = periods[period];
  const [points] = useState(() => periods[period].points());
  const [{ data }, readAnew] = useQuery({
    query: KPIS,
    variables: { id: integrationId, windowHours: hours, by, from: points[0] ?? "" },
    requestPolicy: "cache-and-network",
  });
  useEffect(() => {
    if (revision > 0) readAnew({ requestPolicy: "network-only" });
  }, [revision, readAnew]);
  const kpis = data?.integration?.kpis;
  if (!kpis || kpis.length === 0) return null;
  return (
    <Card title={t("kpis.title")} description={t("kpis.help")}>
      <ul className={styles.kpis}>
        {kpis.map((kpi) => (
          <KpiTile key={kpi.key} kpi={kpi} points={points} />
        ))}
      </ul>
    </Card>
  );
}

function KpiTile({ kpi, points }: { kpi: Kpi; points: readonly string[] }) {
  const { t } = useTranslation("integrations");
  const language = useLanguage();
  const { tone, icon: Icon } = looks[kpi.status];
  const write = (value: number) => `${new Intl.NumberFormat(language, { maximumFractionDigits: 2 }).format(value)} ${kpi.unit}`;
  const byTime = new Map(kpi.series.map((each) => [Date.parse(each.from), each.value ?? null]));
  const values = points.map((at) => byTime.get(Date.parse(at)) ?? null);
  const value = kpi.measured.value == null ? "–" : write(kpi.measured.value);
  const bound = kpi.target?.atLeast ?? kpi.target?.atMost;
  return (
    <li className={styles.kpi}>
      <span className={styles.name}>{kpi.name}</span>
      <span className={styles.value}>{value}</span>
      {values.some((each) => each !== null) && <Sparkline values={values} width={140} label={t("kpis.trend", { name: kpi.name, value })} />}
      <span className={styles.note}>
        {kpi.target && bound != null ? (
          <>
            <Badge tone={tone} icon={<Icon size={13} aria-hidden />}>
              {t(`kpiStatus.${kpi.status}`)}
            </Badge>
            {t(kpi.target.atLeast == null ? "kpis.atMost" : "kpis.atLeast", { bound: write(bound), per: t(`per.${kpi.target.per}`) })}
          </>
        ) : (
          t("kpis.count", { count: kpi.measured.count, records: format.count(kpi.measured.count, language) })
        )}
      </span>
    </li>
  );
}

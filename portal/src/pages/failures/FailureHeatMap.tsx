import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf } from "@/api";
import { HeatMap } from "@/charts";
import { useLanguage } from "@/i18n";
import { Card, EmptyState, ErrorState, Skeleton } from "@/ui";
import { hoursOfDays } from "./heat";

const FAILURES_BY_HOUR = graphql(`
  query FailuresByHour($filter: FailureGroupFilter) {
    failureGroups(filter: $filter, first: 100) {
      edges {
        node {
          id
          failuresByHour(hours: 168) {
            hourAt
            failureCount
          }
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`);

interface FailureHeatMapProps {
  tenantId: string | undefined;
  integrationId: string | undefined;
  /** Where an hour leads. */
  to: (hourAt: string) => string;
}

/** When failures came in the last seven days, by the hour. */
export function FailureHeatMap({ tenantId, integrationId, to }: FailureHeatMapProps) {
  const { t } = useTranslation("failures");
  const language = useLanguage();
  const [{ data, error }, execute] = useQuery({ query: FAILURES_BY_HOUR, variables: { filter: { tenantId, integrationId } } });
  if (error) return <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />;
  if (!data) return <Card><Skeleton lines={7} height={24} /></Card>;
  const hours = data.failureGroups.edges.flatMap(({ node }) => node.failuresByHour);
  const days = hoursOfDays(hours, new Date());
  const dayOf = (row: number) => new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "short" }).format(days[row]?.day);
  const hourOf = (column: number) => new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" }).format(new Date(2000, 0, 1, column));
  return (
    <Card title={t("heat.title")} description={data.failureGroups.pageInfo.hasNextPage ? t("heat.partial") : t("heat.lead")}>
      {hours.length === 0 ? (
        <EmptyState title={t("heat.none")} />
      ) : (
        <HeatMap
          title={t("heat.title")}
          rows={days.map((_, row) => dayOf(row))}
          columns={Array.from({ length: 24 }, (_, column) => (column % 3 === 0 ? String(column).padStart(2, "0") : ""))}
          value={(row, column) => days[row]?.counts[column] ?? 0}
          label={(row, column) => `${dayOf(row)}, ${hourOf(column)}`}
          to={(row, column) => to(hourAt(days[row]?.day, column))}
        />
      )}
    </Card>
  );
}

function hourAt(day: Date | undefined, hour: number): string {
  const at = new Date(day ?? 0);
  at.setHours(hour);
  return at.toISOString();
}

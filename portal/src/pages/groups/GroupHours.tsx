import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf } from "@/api";
import { TimeSeries } from "@/charts";
import { Card, ErrorState, Select } from "@/ui";
import { filledHours, filledDays } from "./hours";

const GROUP_HOURS = graphql(`
  query GroupHours($id: ID!, $hours: Int!) {
    failureGroup(id: $id) {
      id
      failuresByHour(hours: $hours) {
        hourAt
        failureCount
      }
    }
  }
`);

const spans = [24, 168, 720];

/** How many came when. */
export function GroupHours({ groupId, lastSeenAt }: { groupId: string; lastSeenAt: string }) {
  const { t } = useTranslation("groups");
  const [chosen, setChosen] = useState<number | null>(null);
  // What is older than the shorter spans is shown in the one that has it.
  const [age] = useState(() => (Date.now() - Date.parse(lastSeenAt)) / 3_600_000);
  const hours = chosen ?? spans.find((span) => age < span) ?? 720;
  const [{ data, error }, execute] = useQuery({ query: GROUP_HOURS, variables: { id: groupId, hours } });
  const counted = data?.failureGroup?.failuresByHour ?? [];
  const isByDay = hours > 168;
  const points = isByDay ? filledDays(counted, hours / 24, new Date()) : filledHours(counted, hours, new Date());
  return (
    <Card
      title={t("hours.title")}
      actions={
        <Select
          label={t("hours.span")}
          hideLabel
          options={spans.map((span) => ({ id: String(span), label: t(`hours.last${span}`) }))}
          value={String(hours)}
          onChange={(key) => setChosen(Number(key))}
        />
      }
    >
      {error ? (
        <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />
      ) : (
        <TimeSeries
          title={t(isByDay ? "hours.byDay" : "hours.byHour")}
          points={data ? points : []}
          series={[{ id: "failures", label: t("fact.failures"), kind: "bar", colour: "danger" }]}
          step={hours === 24 ? "hour" : "day"}
          height={160}
        />
      )}
    </Card>
  );
}

import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql } from "@/api";
import { Sparkline } from "@/charts";
import { useLanguage } from "@/i18n";
import { format } from "@/ui";
import { hoursBack } from "./hours";

const SERIES_OF_ROW = graphql(`
  query SeriesOfRow($id: ID!, $from: DateTime!) {
    integration(id: $id) {
      id
      health {
        series(by: HOUR, from: $from) {
          from
          records {
            read
          }
        }
      }
    }
  }
`);

const HOURS = 24;
/** A series is dear: rows that one only scrolls past ask for none. */
const STAYS_MS = 400;

/** Records of the last 24 hours, hour by hour. */
export function RowSparkline({ integrationId }: { integrationId: string }) {
  const [stays, setStays] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setStays(true), STAYS_MS);
    return () => clearTimeout(timer);
  }, []);
  return stays && <Series integrationId={integrationId} />;
}

function Series({ integrationId }: { integrationId: string }) {
  const { t } = useTranslation("integrations");
  const language = useLanguage();
  const [hours] = useState(() => hoursBack(HOURS));
  const [{ data }] = useQuery({ query: SERIES_OF_ROW, variables: { id: integrationId, from: hours[0] ?? "" } });
  const series = data?.integration?.health?.series;
  if (!series) return null;
  const byHour = new Map(series.map((hour) => [Date.parse(hour.from), hour.records.read]));
  const values = hours.map((hour) => byHour.get(Date.parse(hour)) ?? 0);
  const sum = values.reduce((all, value) => all + value, 0);
  return <Sparkline values={values} label={t("sparkline", { count: sum, records: format.count(sum, language) })} />;
}

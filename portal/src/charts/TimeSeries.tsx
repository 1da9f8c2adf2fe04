import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { format as formats } from "@/ui";
import styles from "./Chart.module.css";
import { Nearby } from "./Nearby";
import { colourOf, timeLabel, type TimeSeriesProps } from "./series";
import { ShowAsTable } from "./ShowAsTable";

// Recharts is larger than all of a first view, so it is loaded when a picture comes near.
const TimeSeriesPlot = lazy(() => import("./TimeSeriesPlot"));

/** Lines, areas, bars and bands over time. */
export function TimeSeries({ height = 220, step = "hour", ...props }: TimeSeriesProps) {
  const { t } = useTranslation("common");
  const language = useLanguage();
  const { title, hideTitle, points, series, bands = [] } = props;
  const format = props.format ?? ((value: number) => formats.count(value, language));
  const ids = [...series, ...bands.flatMap((band) => [{ id: band.low, label: `${band.label} ↓` }, { id: band.high, label: `${band.label} ↑` }])];
  const table = () => ({
    columns: [t("charts.time"), ...ids.map((each) => each.label)],
    rows: points.map(({ at, values }) => [
      timeLabel(at, step, language, true),
      ...ids.map(({ id }) => (values[id] == null ? "–" : format(values[id]))),
    ]),
  });
  return (
    <ShowAsTable title={title} hideTitle={hideTitle} table={table}>
      {points.length === 0 ? (
        <div className={styles.empty} style={{ height }}>
          {t("charts.noData")}
        </div>
      ) : (
        <>
          <Nearby label={title} height={height}>
            <Suspense>
              <TimeSeriesPlot {...props} height={height} step={step} format={format} language={language} />
            </Suspense>
          </Nearby>
          <ul className={styles.legend}>
            {[...series, ...bands].map((each, at) => (
              <li key={each.label}>
                <span className={styles.mark} style={{ background: colourOf(each.colour, at) }} />
                {each.label}
              </li>
            ))}
          </ul>
        </>
      )}
    </ShowAsTable>
  );
}

import { Area, Bar, CartesianGrid, ComposedChart, Line, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import styles from "./Chart.module.css";
import { colourOf, dashOf, timeLabel, type TimeSeriesProps } from "./series";

interface PlotProps extends TimeSeriesProps {
  step: "hour" | "day";
  format: (value: number) => string;
  height: number;
  language: string;
}

const tick = { fill: "var(--trestle-muted)", fontSize: 12 };

/** What Recharts draws; loaded when the first picture is shown. */
export default function TimeSeriesPlot({ points, series, bands = [], isStacked, step, format, height, language, max }: PlotProps) {
  const rows = points.map(({ at, values }) => ({
    at,
    ...values,
    ...Object.fromEntries(bands.map(({ low, high }) => [`${low}-${high}`, [values[low] ?? null, values[high] ?? null]])),
  }));
  // What stands in bars is counted, and there are no halves of it.
  const isCounted = series.every(({ kind }) => kind === "bar");
  const stack = isStacked ? { stackId: "all" } : {};
  return (
    <ResponsiveContainer width="100%" height={height}>
      <ComposedChart data={rows} margin={{ top: 8, right: 8, bottom: 0, left: 0 }} accessibilityLayer={false}>
        <CartesianGrid vertical={false} stroke="var(--trestle-border)" />
        <XAxis
          dataKey="at"
          tickFormatter={(at: string) => timeLabel(at, step, language)}
          tick={tick}
          tickLine={false}
          axisLine={{ stroke: "var(--trestle-border)" }}
          minTickGap={32}
        />
        <YAxis tickFormatter={format} tick={tick} tickLine={false} axisLine={false} width={68} allowDecimals={!isCounted} domain={[0, max ?? "auto"]} />
        <Tooltip
          isAnimationActive={false}
          cursor={{ stroke: "var(--trestle-border-strong)", fill: "var(--trestle-hover)" }}
          content={({ active, label }) => {
            const point = active ? points.find(({ at }) => at === label) : undefined;
            if (!point) return null;
            return (
              <div className={styles.tip}>
                <strong>{timeLabel(point.at, step, language, true)}</strong>
                <dl>
                  {series.map(({ id, label: name }) => {
                    const value = point.values[id];
                    return value == null ? null : (
                      <div key={id} style={{ display: "contents" }}>
                        <dt>{name}</dt>
                        <dd>{format(value)}</dd>
                      </div>
                    );
                  })}
                </dl>
              </div>
            );
          }}
        />
        {bands.map((band, at) => (
          <Area
            key={band.label}
            dataKey={`${band.low}-${band.high}`}
            stroke="none"
            fill={colourOf(band.colour, series.length + at)}
            fillOpacity={0.18}
            isAnimationActive={false}
          />
        ))}
        {series.map(({ id, kind = "line", colour }, at) => {
          const stroke = colourOf(colour, at);
          if (kind === "bar") {
            return <Bar key={id} dataKey={id} fill={stroke} isAnimationActive={false} maxBarSize={28} {...stack} />;
          }
          if (kind === "area") {
            return (
              <Area key={id} dataKey={id} type="monotone" stroke={stroke} fill={stroke} fillOpacity={0.2} strokeWidth={2} isAnimationActive={false} {...stack} />
            );
          }
          return (
            <Line key={id} dataKey={id} type="monotone" stroke={stroke} strokeWidth={2} strokeDasharray={dashOf(at)} dot={loneDot(points, id, stroke)} isAnimationActive={false} />
          );
        })}
      </ComposedChart>
    </ResponsiveContainer>
  );
}

/** A point between two gaps has no line, so it is drawn by itself. */
function loneDot(points: PlotProps["points"], id: string, colour: string) {
  return function LoneDot({ index, cx, cy }: { index: number; cx?: number; cy?: number }) {
    const isThere = (at: number) => points[at]?.values[id] != null;
    if (!isThere(index) || isThere(index - 1) || isThere(index + 1) || cx === undefined || cy === undefined) return <g key={index} />;
    return <circle key={index} cx={cx} cy={cy} r={3} fill={colour} />;
  };
}

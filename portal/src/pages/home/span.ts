import type { HealthPeriod } from "@/api/generated/schema";

export type Span = "day" | "week";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface SpanOfTime {
  windowHours: number;
  by: HealthPeriod;
  /** Begin of the first hour or day. */
  from: string;
  /** The begin of each hour or day (UTC), as the API has them. */
  steps: readonly string[];
}

/** The last 24 hours, or the last seven days. */
export function spanOfTime(span: Span, now: number): SpanOfTime {
  const [step, count] = span === "day" ? [HOUR_MS, 24] : [DAY_MS, 7];
  const last = Math.floor(now / step) * step;
  const steps = Array.from({ length: count }, (_, at) => new Date(last - (count - 1 - at) * step).toISOString());
  return { windowHours: span === "day" ? 24 : 168, by: span === "day" ? "HOUR" : "DAY", from: steps[0] ?? "", steps };
}

/** One of the series for each step; null where no run ended. */
export function atSteps<Entry extends { from: string }>(series: readonly Entry[], steps: readonly string[]): { at: string; entry: Entry | null }[] {
  const byTime = new Map(series.map((entry) => [Date.parse(entry.from), entry]));
  return steps.map((at) => ({ at, entry: byTime.get(Date.parse(at)) ?? null }));
}

/** One line, area or bar of a picture over time. */
export interface Series {
  /** Of the points' values. */
  id: string;
  label: string;
  kind?: "line" | "area" | "bar";
  /** Which of the chart's colours, 1 to 6; in their order by default. Or a tone, where it means one. */
  colour?: 1 | 2 | 3 | 4 | 5 | 6 | "success" | "warning" | "danger" | "info" | "neutral";
}

/** From low to high, around a line: the 50th to the 95th percentile, for example. */
export interface Band {
  low: string;
  high: string;
  label: string;
  colour?: Series["colour"];
}

export interface Point {
  /** A moment, as the server tells it. */
  at: string;
  /** By the series' ids; absent or null: not measured, and a gap. */
  values: Readonly<Record<string, number | null | undefined>>;
}

export interface TimeSeriesProps {
  title: string;
  hideTitle?: boolean;
  points: readonly Point[];
  series: readonly Series[];
  bands?: readonly Band[];
  /** Areas and bars stand on each other. */
  isStacked?: boolean;
  /** How a point's time is written: hours of a day, or days. */
  step?: "hour" | "day";
  /** Writes a value, with its unit. */
  format?: (value: number) => string;
  /** In pixels. */
  height?: number;
  /** The upper end of the axis where it is known, such as 1 for shares. */
  max?: number;
}

export function colourOf(colour: Series["colour"], at: number): string {
  if (typeof colour === "string") return `var(--trestle-${colour})`;
  return `var(--trestle-chart-${colour ?? (at % 6) + 1})`;
}

/** Lines are told apart without their colours too. */
export function dashOf(at: number): string | undefined {
  return [undefined, "6 3", "2 3", "8 3 2 3"][at % 4];
}

export function timeLabel(at: string, step: "hour" | "day", language: string, isLong = false): string {
  const options: Intl.DateTimeFormatOptions =
    step === "day"
      ? { day: "numeric", month: "short", ...(isLong ? { year: "numeric" } : {}) }
      : { hour: "2-digit", minute: "2-digit", ...(isLong ? { day: "numeric", month: "short" } : {}) };
  return new Intl.DateTimeFormat(language, options).format(new Date(at));
}

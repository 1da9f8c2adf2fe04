const steps: readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "5 minutes ago", "in 2 days". */
export function relativeTime(at: number, now: number, language: string): string {
  const seconds = (at - now) / 1_000;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(0, "second");
}

export function dateTime(at: number | string | Date, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at));
}

export function date(at: number | string | Date, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(at));
}

const parts: readonly [unit: string, ms: number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
];

/** Its two largest units: "2 h 5 min", "340 ms". */
export function duration(ms: number, language: string): string {
  const one = (value: number, unit: string, digits = 0) =>
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(value);
  if (ms < 1_000) return one(Math.round(ms), "millisecond");
  if (ms < 10_000) return one(ms / 1_000, "second", 1);
  const at = Math.max(0, parts.findIndex(([, size]) => ms >= size));
  const [unit = "second", size = 1_000] = parts[at] ?? [];
  const [lesser, lesserSize] = parts[at + 1] ?? [];
  const whole = Math.floor(ms / size);
  const rest = lesserSize ? Math.floor((ms % size) / lesserSize) : 0;
  return lesser && rest > 0 ? `${one(whole, unit)} ${one(rest, lesser)}` : one(whole, unit);
}

/** 12,345; from a million on 1.2M. */
export function count(value: number, language: string, isCompact = Math.abs(value) >= 1_000_000): string {
  return new Intl.NumberFormat(language, isCompact ? { notation: "compact", maximumFractionDigits: 1 } : {}).format(value);
}

/** 0.985 is 98.5 %. */
export function percent(share: number, language: string, digits = 1): string {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(share);
}

/** 1.2 MB. */
export function bytes(value: number, language: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const at = Math.min(units.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  const unit = units[at] ?? "byte";
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }).format(
    value / 1_000 ** at,
  );
}

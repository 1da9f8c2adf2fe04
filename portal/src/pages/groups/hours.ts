import type { Hour } from "@/pages/failures/heat";

const HOUR_MS = 3_600_000;

export interface CountAt {
  at: string;
  values: { failures: number };
}

/** Each of the last hours, those without any too: the API leaves them out. */
export function filledHours(hours: readonly Hour[], span: number, now: Date): CountAt[] {
  const counts = new Map(hours.map(({ hourAt, failureCount }) => [Date.parse(hourAt), failureCount]));
  const last = Math.floor(now.getTime() / HOUR_MS) * HOUR_MS;
  return Array.from({ length: span }, (_, at) => {
    const hour = last - (span - 1 - at) * HOUR_MS;
    return { at: new Date(hour).toISOString(), values: { failures: counts.get(hour) ?? 0 } };
  });
}

/** Each of the last days where the reader is. */
export function filledDays(hours: readonly Hour[], span: number, now: Date): CountAt[] {
  const counts = new Map<string, number>();
  for (const { hourAt, failureCount } of hours) {
    const day = new Date(hourAt).toDateString();
    counts.set(day, (counts.get(day) ?? 0) + failureCount);
  }
  return Array.from({ length: span }, (_, at) => {
    const day = new Date(now.getFullYear(), now.getMonth(), now.getDate() - (span - 1 - at));
    return { at: day.toISOString(), values: { failures: counts.get(day.toDateString()) ?? 0 } };
  });
}

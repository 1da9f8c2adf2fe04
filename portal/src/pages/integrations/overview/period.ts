import { daysBack, hoursBack } from "../hours";

/** Spans that one may look at. */
export const periods = {
  day: { hours: 24, by: "HOUR", step: "hour", points: () => hoursBack(24) },
  week: { hours: 168, by: "HOUR", step: "hour", points: () => hoursBack(168) },
  month: { hours: 720, by: "DAY", step: "day", points: () => daysBack(30) },
  quarter: { hours: 2_160, by: "DAY", step: "day", points: () => daysBack(90) },
} as const;

export type Period = keyof typeof periods;

export function periodOf(name: string | null): Period {
  return name !== null && name in periods ? (name as Period) : "day";
}

export type SnoozeEnd = "hours" | "tomorrow" | "monday" | "month";

const MORNING_HOUR = 8;

/** Times at which people look again: in four hours, tomorrow morning, on Monday morning, in a month. */
export function snoozeEnds(now: Date): Record<SnoozeEnd, Date> {
  const morning = (days: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, MORNING_HOUR);
  return {
    hours: new Date(now.getTime() + 4 * 3_600_000),
    tomorrow: morning(1),
    monday: morning(((8 - now.getDay()) % 7) || 7),
    month: morning(30),
  };
}

export interface Hour {
  hourAt: string;
  failureCount: number;
}

export interface DayOfHours {
  /** Its beginning, where the reader is. */
  day: Date;
  /** Of its 24 hours. */
  counts: readonly number[];
}

const DAYS = 7;

/** The last days up to now, the oldest first, with what the hours have together. */
export function hoursOfDays(hours: readonly Hour[], now: Date): DayOfHours[] {
  const days = Array.from({ length: DAYS }, (_, at) => ({
    day: new Date(now.getFullYear(), now.getMonth(), now.getDate() - (DAYS - 1 - at)),
    counts: Array.from({ length: 24 }, () => 0),
  }));
  const byDay = new Map(days.map((each) => [each.day.toDateString(), each.counts]));
  for (const { hourAt, failureCount } of hours) {
    const at = new Date(hourAt);
    const counts = byDay.get(at.toDateString());
    if (counts) counts[at.getHours()] = (counts[at.getHours()] ?? 0) + failureCount;
  }
  return days;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The beginnings of the last so many hours, oldest first; the last one is the present one. */
export function hoursBack(count: number, now = Date.now()): string[] {
  const last = Math.floor(now / HOUR_MS) * HOUR_MS;
  return Array.from({ length: count }, (_, at) => new Date(last - (count - 1 - at) * HOUR_MS).toISOString());
}

/** The same of days, which are those of UTC. */
export function daysBack(count: number, now = Date.now()): string[] {
  const last = Math.floor(now / DAY_MS) * DAY_MS;
  return Array.from({ length: count }, (_, at) => new Date(last - (count - 1 - at) * DAY_MS).toISOString());
}

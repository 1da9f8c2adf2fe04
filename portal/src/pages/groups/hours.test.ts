import { expect, test } from "vitest";
import { filledDays, filledHours } from "./hours";

test("hours without failures are there, with none", () => {
  const now = new Date("2026-11-27T15:30:00Z");
  const hours = filledHours([{ hourAt: "2026-11-27T14:00:00Z", failureCount: 3 }], 3, now);
  expect(hours.map(({ at, values }) => [at, values.failures])).toEqual([
    ["2026-11-27T13:00:00.000Z", 0],
    ["2026-11-27T14:00:00.000Z", 3],
    ["2026-11-27T15:00:00.000Z", 0],
  ]);
});

test("hours of a day are added", () => {
  const at = (day: number, hour: number) => new Date(2026, 10, day, hour).toISOString();
  const days = filledDays(
    [
      { hourAt: at(26, 1), failureCount: 2 },
      { hourAt: at(26, 23), failureCount: 5 },
    ],
    2,
    new Date(2026, 10, 27, 12),
  );
  expect(days.map(({ values }) => values.failures)).toEqual([7, 0]);
});

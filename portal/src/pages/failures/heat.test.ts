import { expect, test } from "vitest";
import { hoursOfDays } from "./heat";

test("hours of several groups are added, where the reader's day has them", () => {
  const now = new Date(2026, 10, 27, 15, 30);
  const at = (day: number, hour: number) => new Date(2026, 10, day, hour).toISOString();
  const days = hoursOfDays(
    [
      { hourAt: at(27, 14), failureCount: 2 },
      { hourAt: at(27, 14), failureCount: 3 },
      { hourAt: at(21, 0), failureCount: 7 },
      { hourAt: at(20, 23), failureCount: 9 },
    ],
    now,
  );
  expect(days).toHaveLength(7);
  expect(days.at(-1)?.counts[14]).toBe(5);
  expect(days[0]?.counts[0]).toBe(7);
  expect(days.flatMap(({ counts }) => counts).reduce((sum, each) => sum + each, 0)).toBe(12);
});

import { expect, test } from "vitest";
import { nextRuns, wordsOf } from "./cron";

test("an expression is said in both languages", () => {
  expect(wordsOf("0 9 * * 1", "en-GB")).toBe("At 09:00, only on Monday");
  expect(wordsOf("0 9 * * 1", "de")).toBe("Um 09:00, nur jeden Montag");
  expect(wordsOf("@hourly", "en")).toBe("Every hour");
  expect(wordsOf("sometimes", "en")).toBe(null);
});

test("the next times are those of the time zone", () => {
  const times = nextRuns("0 9 * * *", "Europe/Berlin", 2, new Date("2026-03-28T12:00:00Z"));
  expect(times.map((time) => time.toISOString())).toEqual(["2026-03-29T07:00:00.000Z", "2026-03-30T07:00:00.000Z"]);
});

test("what is no schedule has no times", () => {
  expect(nextRuns("0 9 * *", "UTC", 2)).toEqual([]);
  expect(nextRuns("0 9 * * *", "Nowhere/At_all", 2)).toEqual([]);
  expect(nextRuns("", "UTC", 2)).toEqual([]);
});

import { expect, test } from "vitest";
import { atSteps, spanOfTime } from "./span";

const now = Date.parse("2026-11-27T15:30:00Z");

test("a day is 24 hours up to the one under way, a week seven days", () => {
  const day = spanOfTime("day", now);
  expect([day.from, day.steps.length, day.steps.at(-1)]).toEqual(["2026-11-26T16:00:00.000Z", 24, "2026-11-27T15:00:00.000Z"]);
  const week = spanOfTime("week", now);
  expect([week.from, week.steps.length, week.by]).toEqual(["2026-11-21T00:00:00.000Z", 7, "DAY"]);
});

test("hours in which no run ended are gaps", () => {
  const { steps } = spanOfTime("day", now);
  const points = atSteps([{ from: "2026-11-27T15:00:00Z", value: 1 }], steps);
  expect(points.at(-1)?.entry?.value).toBe(1);
  expect(points.filter(({ entry }) => entry === null)).toHaveLength(23);
});

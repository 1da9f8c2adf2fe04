import { expect, test } from "vitest";
import { daysBack, hoursBack } from "./hours";

const now = Date.UTC(2026, 10, 27, 9, 42);

test("hours and days are whole, and the last one is the present one", () => {
  expect(hoursBack(3, now)).toEqual(["2026-11-27T07:00:00.000Z", "2026-11-27T08:00:00.000Z", "2026-11-27T09:00:00.000Z"]);
  expect(daysBack(2, now)).toEqual(["2026-11-26T00:00:00.000Z", "2026-11-27T00:00:00.000Z"]);
});

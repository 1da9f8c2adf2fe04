import { expect, test } from "vitest";
import { snoozeEnds } from "./snooze";

test("Monday is the next one, on Mondays too", () => {
  const friday = new Date(2026, 10, 27, 15);
  expect(snoozeEnds(friday).monday).toEqual(new Date(2026, 10, 30, 8));
  const monday = new Date(2026, 10, 30, 7);
  expect(snoozeEnds(monday).monday).toEqual(new Date(2026, 11, 7, 8));
  const sunday = new Date(2026, 10, 29, 12);
  expect(snoozeEnds(sunday).monday).toEqual(new Date(2026, 10, 30, 8));
  expect(snoozeEnds(sunday).tomorrow).toEqual(new Date(2026, 10, 30, 8));
});

import { expect, test } from "vitest";
import { bytes, count, duration, relativeTime } from "./format";

test.each([
  [340, "340 ms"],
  [1_500, "1.5 sec"],
  [65_000, "1 min 5 sec"],
  [7_500_000, "2 hr 5 min"],
  [90_000_000, "1 day 1 hr"],
])("%i ms is %s", (ms, words) => {
  expect(duration(ms, "en")).toBe(words);
});

test("times are told from the largest unit that fits", () => {
  const now = Date.parse("2026-11-27T12:00:00Z");
  expect(relativeTime(now - 59_000, now, "en")).toBe("now");
  expect(relativeTime(now - 300_000, now, "de")).toBe("vor 5 Minuten");
  expect(relativeTime(now + 172_800_000, now, "en")).toBe("in 2 days");
});

test("numbers are written as the language does", () => {
  expect(count(12_345, "de")).toBe("12.345");
  expect(count(1_234_567, "en")).toBe("1.2M");
  expect(bytes(1_500_000, "en")).toBe("1.5 MB");
});

import { expect, test } from "vitest";
import { resultOf } from "./files";

test("a file that was taken has its place and its readers", () => {
  const body = JSON.stringify({ path: "in/a.csv", size: 12, integrations: ["int_1"] });
  const done = { kind: "done", path: "in/a.csv", size: 12, integrations: ["int_1"] };
  expect(resultOf(201, body)).toEqual(done);
  // In the place of another.
  expect(resultOf(200, body)).toEqual(done);
});

test("one that was not has why, where the server says so", () => {
  expect(resultOf(413, JSON.stringify({ error: { code: "TOO_LARGE", message: "at most 1 GiB" } }))).toEqual({ kind: "refused", status: 413, reason: "at most 1 GiB" });
  expect(resultOf(502, "<html>")).toEqual({ kind: "refused", status: 502, reason: null });
});

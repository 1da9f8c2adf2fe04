import { expect, test } from "vitest";
import { problemOf } from "./problems";

test("a message of the compiler has its place", () => {
  expect(problemOf("line 2, column 11: unknown function `to_flot`")).toEqual({
    line: 2,
    column: 11,
    message: "unknown function `to_flot`",
  });
});

test("what is about the whole program has none", () => {
  expect(problemOf("must have at most 64 KiB")).toEqual({ line: null, column: null, message: "must have at most 64 KiB" });
});

import { expect, test } from "vitest";
import { sorted, type UserError } from "./useMutationForm";

const error = (field: string[] | null, message: string): UserError => ({ code: "INVALID", field, message });

test("an error goes to the innermost field that has its path, and others to the banner", () => {
  const errors = [
    error(["streams", "0", "mapping"], "line 1"),
    error(["streams", "0", "keyFields", "1"], "unknown"),
    error(["name"], "is taken"),
    error(null, "the tenant is suspended"),
  ];
  expect(sorted(errors, ["streams", "streams.0.mapping", "streamsOther"])).toEqual({
    fieldErrors: { "streams.0.mapping": "line 1", streams: "unknown" },
    otherErrors: errors.slice(2),
  });
});

test("two errors of one field are both told", () => {
  expect(sorted([error(["a"], "one"), error(["a"], "two")], ["a"]).fieldErrors).toEqual({ a: "one\ntwo" });
});

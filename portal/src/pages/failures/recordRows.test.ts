import { expect, test } from "vitest";
import { errorsElsewhere, pointerParts, recordRows } from "./recordRows";

const error = (path: string) => ({ path, rule: "required", message: "is missing" });

test("a record is read line by line, with what is wrong where it is", () => {
  const errors = [error("/lines/0/amount"), error("/currency"), error("/made/by/mapping")];
  const { rows } = recordRows({ id: "PO-1", lines: [{ amount: -1, sku: null }] }, errors);
  expect(rows.map(({ path, kind, text, depth }) => [path, kind, text, depth])).toEqual([
    ["/id", "value", "PO-1", 0],
    ["/lines", "list", "1", 0],
    ["/lines/0", "object", "2", 1],
    ["/lines/0/amount", "value", "-1", 2],
    ["/lines/0/sku", "value", "null", 2],
    ["/currency", "missing", "", 0],
  ]);
  expect(rows.find(({ path }) => path === "/lines/0/amount")?.errors).toHaveLength(1);
  expect(errorsElsewhere(rows, errors).map(({ path }) => path)).toEqual(["/made/by/mapping"]);
});

test("names with slashes and tildes are told apart", () => {
  expect(recordRows({ "a/b": { "c~d": 1 } }, []).rows.map(({ path }) => path)).toEqual(["/a~1b", "/a~1b/c~0d"]);
  expect(pointerParts("/a~1b/c~0d")).toEqual(["a/b", "c~d"]);
});

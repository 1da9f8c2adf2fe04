import { expect, test } from "vitest";
import { append, patched, renewHead } from "./rows";

const rows = (ids: string) => Array.from(ids, (id) => ({ id }));
const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id).join("");
const page = (of: string, hasNextPage = true) => ({ nodes: rows(of), endCursor: of, hasNextPage });

test("a first page that is read again brings what is new and keeps what was loaded behind it", () => {
  expect(ids(renewHead(rows("abcdef"), page("xab")).rows)).toBe("xabcdef");
});

test("what went out of the first page goes, also where it had been further down", () => {
  expect(ids(renewHead(rows("abcdef"), page("acd")).rows)).toBe("acdef");
  expect(ids(renewHead(rows("abcdef"), page("eab")).rows)).toBe("eabcdf");
});

test("a first page that overlaps with nothing, or is the last, begins the list anew", () => {
  expect(renewHead(rows("abc"), page("xyz"))).toEqual({ rows: rows("xyz"), isAnew: true });
  expect(renewHead(rows("abc"), page("ab", false))).toEqual({ rows: rows("ab"), isAnew: true });
});

test("a row that moved into the next page is shown once", () => {
  expect(ids(append(rows("abc"), rows("cde")))).toBe("abcde");
});

test("an object that changed is shown where it stands, and nowhere else", () => {
  const list = [{ id: "a", status: "OPEN" }, { id: "b", status: "OPEN" }];
  expect(patched(list, { id: "b", status: "RESOLVED" })).toEqual([{ id: "a", status: "OPEN" }, { id: "b", status: "RESOLVED" }]);
  expect(patched(list, { id: "c", status: "RESOLVED" })).toBe(list);
});

import { expect, test } from "vitest";
import { recordsOf } from "./records";

test("one record or several, or what is wrong with them", () => {
  expect(recordsOf('{"id": 1}')).toEqual([{ id: 1 }]);
  expect(recordsOf('[{"id": 1}, {"id": 2}]')).toEqual([{ id: 1 }, { id: 2 }]);
  expect(recordsOf("{id: 1}")).toEqual(expect.stringContaining("JSON"));
});

import { expect, test } from "vitest";
import { recordForm, withEmptyKept } from "./recordForm";

const rules = {
  type: "object",
  required: ["total"],
  properties: { total: { type: "number", minimum: 0, title: "Total" } },
};

test("without a mapping the rules of the stream are those of the form", () => {
  const form = recordForm({ id: "PO-1", total: -1 }, { mapping: null, recordSchema: rules, schema: null });
  expect(form).toMatchObject({ required: ["total"], properties: { total: { minimum: 0 }, id: { title: "id", type: "string" } } });
});

test("with a mapping the form follows the record and its source, and borrows words alone", () => {
  const form = recordForm(
    { total: "12,50", lines: [{ sku: "A" }, { qty: 2 }], note: null },
    { mapping: ".total = 1", recordSchema: rules, schema: { fields: [{ name: "note", types: ["STRING"] }, { name: "currency", types: ["STRING"] }] } },
  );
  expect(form).toEqual({
    type: "object",
    properties: {
      total: { title: "Total", description: undefined, type: "string" },
      lines: {
        title: "lines",
        description: undefined,
        type: "array",
        items: { type: "object", properties: { sku: { title: "sku", type: "string" }, qty: { title: "qty", type: "number" } } },
      },
      note: { title: "note", description: undefined, type: ["string", "null"] },
      currency: { title: "currency", description: undefined, type: ["string", "null"] },
    },
  });
});

test("what was empty before stays as it was, and what somebody emptied is gone", () => {
  const before = { id: 1, note: null, tags: [], name: "x", lines: [{ a: null, b: 1 }] };
  expect(withEmptyKept(before, { id: 1, lines: [{ b: 2 }, { b: 3 }], more: true })).toEqual({
    id: 1,
    note: null,
    tags: [],
    lines: [{ a: null, b: 2 }, { b: 3 }],
    more: true,
  });
});

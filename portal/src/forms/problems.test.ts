import { expect, test } from "vitest";
import { problemsIn } from "./problems";
import type { Schema } from "./schema";

const pagination: Schema = {
  type: "object",
  properties: {
    pagination: {
      oneOf: [
        { type: "object", required: ["kind"], properties: { kind: { const: "page" }, size: { type: "integer", minimum: 1 } } },
        { type: "object", required: ["kind", "param"], properties: { kind: { const: "cursor" }, param: { type: "string" } } },
      ],
    },
  },
};

test("what is missing is told at its own place", () => {
  const schema: Schema = { type: "object", required: ["a"], properties: { b: { type: "object", required: ["c"], properties: { c: {} } } } };
  expect(problemsIn(schema, { b: {} })).toEqual([
    { path: ["a"], rule: "required" },
    { path: ["b", "c"], rule: "required" },
  ]);
});

test("a rule comes with what it says, through references too", () => {
  const schema: Schema = { type: "object", properties: { port: { $ref: "#/$defs/port" } }, $defs: { port: { type: "integer", maximum: 65535 } } };
  expect(problemsIn(schema, { port: 70000 })).toEqual([{ path: ["port"], rule: "maximum", limit: 65535 }]);
});

test("of a choice only the option that was meant is told about", () => {
  expect(problemsIn(pagination, { pagination: { kind: "cursor" } })).toEqual([{ path: ["pagination", "param"], rule: "required" }]);
  expect(problemsIn(pagination, { pagination: { kind: "page", size: 0 } })).toEqual([{ path: ["pagination", "size"], rule: "minimum", limit: 1 }]);
  expect(problemsIn(pagination, { pagination: { kind: "other" } })).toEqual([{ path: ["pagination"], rule: "oneOf" }]);
});

test("where either is needed both are named", () => {
  const schema: Schema = { type: "object", oneOf: [{ required: ["table"] }, { required: ["query"] }] };
  expect(problemsIn(schema, {})).toEqual([{ path: [], rule: "either", limit: ["table", "query"] }]);
  expect(problemsIn(schema, { table: "a", query: "b" })).toEqual([{ path: [], rule: "oneOf" }]);
});

test("what is not expected, names that can't be, addresses", () => {
  expect(problemsIn({ type: "object", additionalProperties: false }, { a: 1 })).toEqual([{ path: ["a"], rule: "unexpected" }]);
  expect(problemsIn({ type: "object", propertyNames: { maxLength: 2 } }, { abc: 1 })).toEqual([{ path: ["abc"], rule: "propertyNames" }]);
  expect(problemsIn({ type: "string", pattern: "^[hH][tT][tT][pP][sS]?://" }, "nowhere")).toMatchObject([{ rule: "address" }]);
});

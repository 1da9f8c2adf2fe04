import { readFileSync } from "node:fs";
import { buildSchema, parse, validate } from "graphql";
import { expect, test } from "vitest";
import { kinds } from "./kinds";

const schema = buildSchema(readFileSync("../schema.graphql", "utf8"));

test.each(Object.entries(kinds))("the server can answer the query for %s", (_, query) => {
  expect(validate(schema, parse(query))).toEqual([]);
});

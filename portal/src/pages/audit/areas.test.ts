import { readFileSync } from "node:fs";
import { buildSchema } from "graphql";
import { expect, test } from "vitest";
import texts from "@/i18n/en/audit.json";
import { areas } from "./areas";

const mutations = Object.keys(buildSchema(readFileSync("../schema.graphql", "utf8")).getMutationType()?.getFields() ?? {}).sort();

test("each mutation can be looked for, in one area", () => {
  expect(Object.values(areas).flat().sort()).toEqual(mutations);
});

test("each mutation has words", () => {
  expect(mutations.filter((name) => !(name in texts.operation))).toEqual([]);
});

import { Validator, type OutputUnit } from "@cfworker/json-schema";
import { isObject, type Schema } from "./schema";

/** One thing that is wrong with a value, by the rule of the schema that it breaks. */
export interface SchemaProblem {
  path: string[];
  rule: string;
  /** What the rule says, e.g. the largest number. */
  limit?: unknown;
}

const validators = new WeakMap<object, Validator>();

/** One of each schema; it keeps a copy, because it writes into what it is given. */
export function validatorOf(schema: Schema): Validator {
  let validator = validators.get(schema);
  if (!validator) {
    validator = new Validator(structuredClone(schema) as object, "2020-12", false);
    validators.set(schema, validator);
  }
  return validator;
}

/** All that is wrong with a value, each at the place that can be mended. */
export function problemsIn(schema: Schema, value: unknown): SchemaProblem[] {
  const { errors } = validatorOf(schema).validate(value);
  const found = causes(errors, schema);
  const seen = new Set<string>();
  return found.filter(({ path, rule }) => {
    const key = `${rule} ${path.join("\u0000")}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** Keywords that only say that something within them is wrong. */
const wrappers = new Set([
  "$ref", "$recursiveRef", "properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "items", "prefixItems",
  "additionalItems", "allOf", "if", "dependentSchemas",
]);

function causes(errors: readonly OutputUnit[], schema: Schema): SchemaProblem[] {
  const found: SchemaProblem[] = [];
  for (let index = 0; index < errors.length; index += 1) {
    const error = errors[index] as OutputUnit;
    if (wrappers.has(error.keyword)) continue;
    if (error.keyword === "oneOf" || error.keyword === "anyOf") {
      const within = branches(errors, index);
      found.push(...ofBranches(error, within.branches, schema));
      index += within.count;
    } else if (error.keyword === "propertyNames") {
      const name = quoted(error.error)[0] ?? "";
      found.push({ path: [...pathOf(error.instanceLocation), name], rule: "propertyNames" });
      while (errors[index + 1]?.keywordLocation.startsWith(`${error.keywordLocation}/`)) index += 1;
    } else {
      found.push(cause(error, schema));
    }
  }
  return found;
}

function cause(error: OutputUnit, schema: Schema): SchemaProblem {
  const path = pathOf(error.instanceLocation);
  switch (error.keyword) {
    case "required":
      return { path: [...path, quoted(error.error)[0] ?? ""], rule: "required" };
    case "dependentRequired":
    case "dependencies":
      return { path: [...path, quoted(error.error)[1] ?? ""], rule: "required" };
    case "false":
      return { path, rule: "unexpected" };
    default: {
      const limit = at(schema, error.keywordLocation);
      const rule = error.keyword === "pattern" && typeof limit === "string" && isOfAddresses(limit) ? "address" : error.keyword;
      return { path, rule, limit };
    }
  }
}

/** The errors of each option, which follow the choice's own. */
function branches(errors: readonly OutputUnit[], from: number): { branches: OutputUnit[][]; count: number } {
  const root = `${errors[from]?.keywordLocation ?? ""}/`;
  const found: OutputUnit[][] = [];
  let branch = 0;
  let count = 0;
  for (const error of errors.slice(from + 1)) {
    if (error.keywordLocation.startsWith(root)) branch = Number.parseInt(error.keywordLocation.slice(root.length), 10);
    // These don't say where in the schema they are.
    else if (error.keyword !== "false" || count === 0) break;
    (found[branch] ??= []).push(error);
    count += 1;
  }
  return { branches: found, count };
}

/** Those of the option that was meant. */
function ofBranches(error: OutputUnit, found: OutputUnit[][], schema: Schema): SchemaProblem[] {
  const path = pathOf(error.instanceLocation);
  const all = Object.values(found).map((errors) => causes(errors, schema));
  const isSeveral = /\((?!0 )\d+ matches\)/.test(error.error);
  const required = all.flatMap((problems) => (problems.length === 1 && problems[0]?.rule === "required" ? [problems[0].path.at(-1) ?? ""] : []));
  if (!isSeveral && all.length > 1 && required.length === all.length) return [{ path, rule: "either", limit: required }];
  const weigh = (problems: SchemaProblem[]) =>
    problems.reduce((sum, { rule }) => sum + (rule === "const" ? 1000 : rule === "type" ? 10 : 1), 0);
  const [best] = isSeveral ? [] : [...all].sort((a, b) => weigh(a) - weigh(b));
  return best && best.length > 0 && weigh(best) < 1000 ? best : [{ path, rule: "oneOf" }];
}

function quoted(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"/g)].map(([, inside]) => inside ?? "");
}

export function pathOf(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => decodeURI(part).replace(/~1/g, "/").replace(/~0/g, "~"));
}

/** What the schema says at a place, through references. */
function at(schema: Schema, location: string): unknown {
  let here: unknown = schema;
  for (const part of pathOf(location)) {
    if (!isObject(here) && !Array.isArray(here)) return undefined;
    here = (here as Record<string, unknown>)[part];
    if (part === "$ref" && typeof here === "string") here = here.startsWith("#") ? at(schema, here) : undefined;
  }
  return here;
}

function isOfAddresses(pattern: string): boolean {
  try {
    const expression = new RegExp(pattern, "u");
    return expression.test("https://example.com/") && !expression.test("example.com") && !expression.test("");
  } catch {
    return false;
  }
}

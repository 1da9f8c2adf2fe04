import { isObject, isSchema, listOf, propertiesOf, type Schema } from "./schema";
import { wording } from "./wording";

/**
 * A schema as the form shows it. What it asks for stays the same; the data is checked by the schema itself. Titles come from
 * names, defaults are shown instead of stored, a choice of properties becomes a choice of forms, and what only a condition asks
 * for is there only under it.
 */
export function shape(schema: Schema, secretPaths: readonly string[] = []): Schema {
  const secrets = new Set(secretPaths);
  const { title, ...shaped } = shapeOf(schema, "", secrets);
  return shaped;
}

function shapeOf(given: Schema, path: string, secrets: ReadonlySet<string>): Schema {
  let schema: Schema = { ...nullableOf(given) };
  if ("default" in schema) {
    schema["x-default"] = schema.default;
    delete schema.default;
  }
  if (secrets.has(path) && schema.type !== "array") schema["x-secret"] = true;
  if (isObject(schema.properties)) {
    schema.properties = Object.fromEntries(
      Object.entries(propertiesOf(schema)).map(([name, property]) => [
        name,
        isSchema(property) ? titled(shapeOf(property, path === "" ? name : `${path}.${name}`, secrets), name) : property,
      ]),
    );
  }
  if (isSchema(schema.additionalProperties)) schema.additionalProperties = shapeOf(schema.additionalProperties, `${path}.*`, secrets);
  if (isSchema(schema.items)) schema.items = item(shapeOf(schema.items, path, secrets));
  for (const definitions of ["$defs", "definitions"]) {
    const named: unknown = schema[definitions];
    if (isObject(named)) {
      schema[definitions] = Object.fromEntries(
        Object.entries(named).map(([name, each]) => [name, isSchema(each) ? shapeOf(each, `#${name}`, secrets) : each]),
      );
    }
  }
  schema = choiceOfProperties(schema);
  for (const keyword of ["oneOf", "anyOf"] as const) {
    if (schema[keyword]) {
      const options = listOf(schema[keyword]).filter(isSchema);
      schema[keyword] = options.map((each, index) => option(shapeOf(each, path, secrets), index));
      const by = discriminator(options);
      if (by !== undefined) schema.discriminator = { propertyName: by };
    }
  }
  if (isSchema(schema.if)) schema = onlyWhenNeeded(schema);
  if (isFree(schema)) schema["x-json"] = true;
  return schema;
}

function titled(schema: Schema, name: string): Schema {
  return schema.title === undefined ? { ...schema, title: wording(name) } : schema;
}

/** A new row of texts begins empty, which is a text. */
function item(schema: Schema): Schema {
  return schema.type === "string" && !schema.enum ? { ...schema, default: "", "x-item": true } : { ...schema, "x-item": true };
}

/** `["string", "null"]`, and a choice of something and null, are the something that may be empty. */
function nullableOf(schema: Schema): Schema {
  if (Array.isArray(schema.type)) {
    const { type: all, ...rest } = schema;
    const types = all.filter((type) => type !== "null");
    // A text is entered for what may be a text or something else.
    const type = types.length === 1 ? types[0] : types.includes("string") ? "string" : undefined;
    return { ...rest, ...(type && { type }), ...(types.length < all.length && { "x-nullable": true }) };
  }
  for (const keyword of ["oneOf", "anyOf"] as const) {
    const options = listOf(schema[keyword]);
    const others = options.filter((each) => !isSchema(each) || each.type !== "null");
    const [other] = others;
    if (options.length === 2 && others.length === 1 && isSchema(other)) {
      const { [keyword]: choice, ...rest } = schema;
      return { ...nullableOf(other), ...rest, "x-nullable": true };
    }
  }
  return schema;
}

/** `oneOf: [{required: [a]}, {required: [b]}]`: either property, each a form of its own, with what both may have behind it. */
function choiceOfProperties(schema: Schema): Schema {
  const names = listOf(schema.oneOf).map((each) => {
    const required: unknown = isSchema(each) && Object.keys(each).length === 1 ? each.required : undefined;
    return Array.isArray(required) && required.length === 1 ? String(required[0]) : undefined;
  });
  const properties = propertiesOf(schema);
  if (names.length < 2 || names.some((name) => name === undefined || !isSchema(properties[name]))) return schema;
  const shared = Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)));
  const { required = [], ...rest } = schema;
  return {
    ...rest,
    properties: {},
    oneOf: names.filter((name) => name !== undefined).map((name) => {
      const property = properties[name] as Schema;
      return { type: "object", title: property.title ?? wording(name), properties: { [name]: property, ...shared }, required: [...required, name] };
    }),
  };
}

/** Named by what tells it from the others. */
function option(schema: Schema, index: number): Schema {
  const named: Schema = schema.properties && !schema.type ? { type: "object", ...schema } : { ...schema };
  if (named.title !== undefined) return named;
  if (named.const !== undefined) return { ...named, title: textOf(named.const) };
  const constant = Object.values(propertiesOf(named)).find((each): each is Schema => isSchema(each) && each.const !== undefined);
  if (constant) return { ...named, title: wording(textOf(constant.const)), description: named.description ?? constant.description };
  return { ...named, title: typeof named.type === "string" ? wording(named.type) : String(index + 1) };
}

function textOf(constant: unknown): string {
  return typeof constant === "string" ? constant : JSON.stringify(constant);
}

/** The property whose constant tells the options apart. */
function discriminator(options: readonly Schema[]): string | undefined {
  const [first] = options;
  if (!first || options.length < 2) return undefined;
  return Object.keys(propertiesOf(first)).find((name) =>
    options.every((each) => {
      const property = propertiesOf(each)[name];
      return isSchema(property) && property.const !== undefined;
    }),
  );
}

/** A part that only a condition asks for is left out where it does not hold. */
function onlyWhenNeeded(schema: Schema): Schema {
  const asked: string[] = isSchema(schema.then) && Array.isArray(schema.then.required) ? schema.then.required : [];
  const properties = propertiesOf(schema);
  const parts = asked.filter((name) => {
    const property = properties[name];
    return !schema.required?.includes(name) && isSchema(property) && (property.type === "object" || property.oneOf !== undefined);
  });
  if (schema.else !== undefined || parts.length === 0) return schema;
  return { ...schema, else: { properties: Object.fromEntries(parts.map((name) => [name, false])) } };
}

/** An object of which nothing is known, or something of which not even the kind is. */
function isFree(schema: Schema): boolean {
  const says = (keyword: string) => schema[keyword] !== undefined;
  if (["$ref", "oneOf", "anyOf", "allOf", "const", "enum", "if"].some(says)) return false;
  if (schema.type === undefined) return !says("properties") && !says("items");
  if (schema.type === "object") return !says("properties") && (schema.additionalProperties === undefined || schema.additionalProperties === true);
  return schema.type === "array" && !isSchema(schema.items);
}

import type { FieldType } from "@/api/generated/schema";

type Json = Record<string, unknown>;

export interface StreamOfRecord {
  mapping: string | null;
  recordSchema: unknown;
  /** Fields as the source gives them. */
  schema: { fields: readonly { name: string; types: readonly FieldType[] }[] } | null;
}

/**
 * A JSON Schema for the form of a record. Without a mapping the stream's own rules are those of the record. With one they are
 * about what the mapping makes, and lend no more than their words: the form then follows the record as it is, and its source.
 */
export function recordForm(record: unknown, stream: StreamOfRecord | undefined): Json {
  const rules = isObject(stream?.recordSchema) ? stream.recordSchema : {};
  const known = isObject(rules.properties) ? rules.properties : {};
  const fields = new Map(stream?.schema?.fields.map(({ name, types }) => [name, types]));
  const own: [string, unknown][] = isObject(record) ? Object.entries(record) : [];
  const others = [...fields.keys()].filter((name) => !own.some(([each]) => each === name)).map((name): [string, unknown] => [name, undefined]);
  if (stream?.mapping === null && Object.keys(known).length > 0) {
    const isClosed = rules.additionalProperties === false;
    const extra = isClosed ? [] : [...own, ...others].filter(([name]) => !(name in known));
    return { ...rules, properties: { ...known, ...described(extra, fields, {}) } };
  }
  return { type: "object", properties: described([...own, ...others], fields, known) };
}

function described(entries: readonly [string, unknown][], fields: ReadonlyMap<string, readonly FieldType[]>, known: Json): Json {
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const rule = known[name];
      const { title, description } = isObject(rule) ? rule : {};
      return [name, { title: title ?? name, description, ...shapeOf(value, fields.get(name)) }];
    }),
  );
}

/** What a value is, by itself; where it is null or missing, what its source says. Of a mixture nothing is said: it is JSON. */
function shapeOf(value: unknown, types: readonly FieldType[] = []): Json {
  if (value === null || value === undefined) {
    const [type = "STRING", ...more] = types;
    return more.length > 0 || type === "ARRAY" || type === "OBJECT" ? {} : { type: [type.toLowerCase(), "null"] };
  }
  if (Array.isArray(value)) return listShape(value);
  if (isObject(value)) return { type: "object", properties: fieldsOf(value) };
  return { type: typeof value };
}

function listShape(values: readonly unknown[]): Json {
  const shapes = values.map((each) => shapeOf(each));
  if (values.length > 0 && values.every(isObject)) {
    return { type: "array", items: { type: "object", properties: values.reduce<Json>((all, each) => ({ ...all, ...fieldsOf(each) }), {}) } };
  }
  const [first] = shapes;
  const isOneKind = first !== undefined && typeof first.type === "string" && shapes.every(({ type }) => type === first.type);
  return isOneKind && first.type !== "array" ? { type: "array", items: first } : {};
}

function fieldsOf(value: Json): Json {
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, { title: name, ...shapeOf(each) }]));
}

/** The form leaves out what is empty; what was empty before is given back, so that nothing changes that nobody has touched. */
export function withEmptyKept(before: unknown, after: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(after)) {
    return after.map((each: unknown, at): unknown => (at < before.length ? withEmptyKept(before[at], each) : each));
  }
  if (!isObject(before) || !isObject(after)) return after;
  const kept = Object.entries(before).flatMap(([name, value]): [string, unknown][] => {
    if (name in after) return [[name, withEmptyKept(value, after[name])]];
    return isEmpty(value) ? [[name, value]] : [];
  });
  return { ...Object.fromEntries(kept), ...Object.fromEntries(Object.entries(after).filter(([name]) => !(name in before))) };
}

function isEmpty(value: unknown): boolean {
  return value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

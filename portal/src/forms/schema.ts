import type { RJSFSchema, StrictRJSFSchema } from "@rjsf/utils";

export type Schema = RJSFSchema;
export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A schema that is no boolean. */
export function isSchema(value: unknown): value is Schema {
  return isObject(value);
}

export function propertiesOf(schema: Schema): Record<string, Schema | boolean> {
  return schema.properties ?? {};
}

export function listOf(value: unknown): (Schema | boolean)[] {
  return Array.isArray(value) ? (value as (Schema | boolean)[]) : [];
}

/** What `shape` adds to a schema for the widgets. */
export interface Marks {
  /** Its default. It is shown, and not put into the data: what is left out stays left out. */
  "x-default"?: unknown;
  /** Empty is null. */
  "x-nullable"?: boolean;
  /** Any JSON, written as text. */
  "x-json"?: boolean;
  /** Not shown while it is typed. */
  "x-secret"?: boolean;
  /** Of a list: its label is the list's. */
  "x-item"?: boolean;
}

export function marksOf(schema: StrictRJSFSchema): Marks {
  return schema as Marks;
}

import type { SchemaUtilsType } from "@rjsf/utils";
import { isObject, isSchema, listOf, propertiesOf, type Schema } from "./schema";

/**
 * What was entered as it is sent: without what is empty, and without what the form does not show. An object that was empty at
 * first stays.
 */
export function tidy(utils: SchemaUtilsType, schema: Schema, data: unknown, first: unknown): unknown {
  return sent(utils, schema, JSON.parse(JSON.stringify(data ?? null)) as unknown, first) ?? (schema.type === "array" ? [] : {});
}

/** `data` is a copy, without what is undefined. */
function sent(utils: SchemaUtilsType, schema: Schema, data: unknown, first: unknown): unknown {
  if (Array.isArray(data)) {
    const { items } = schema;
    const kept = data.map((each: unknown, index) =>
      isSchema(items) ? (sent(utils, items, each, Array.isArray(first) ? first[index] : undefined) ?? {}) : each,
    );
    return kept.length === 0 && (schema.minItems ?? 0) > 0 ? undefined : kept;
  }
  if (!isObject(data)) return data;
  const before = isObject(first) ? first : undefined;
  const { properties, required } = formOf(utils, schema, data);
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(data)) {
    const property = properties[name];
    if (property === false) continue;
    const part = isSchema(property) ? sent(utils, property, value, before?.[name]) : value;
    if (part !== undefined) kept[name] = part;
    else if (isObject(value) && required.includes(name)) kept[name] = {};
  }
  const wasEmpty = before !== undefined && Object.keys(before).length === 0;
  return Object.keys(kept).length === 0 && !wasEmpty ? undefined : kept;
}

interface ObjectForm {
  properties: Record<string, Schema | boolean>;
  required: readonly string[];
}

/** Its properties for this data: of what conditions ask for, and of the chosen option. */
function formOf(utils: SchemaUtilsType, schema: Schema, data: unknown): ObjectForm {
  const form = utils.retrieveSchema(schema, data);
  const options = listOf(form.oneOf ?? form.anyOf).filter(isSchema);
  const chosen = options.length > 0 ? options[utils.getClosestMatchingOption(data, options, 0, discriminatorOf(form))] : undefined;
  const more = chosen && formOf(utils, chosen, data);
  return {
    properties: { ...propertiesOf(form), ...more?.properties },
    required: [...(form.required ?? []), ...(more?.required ?? [])],
  };
}

export function discriminatorOf(schema: Schema): string | undefined {
  const discriminator: unknown = schema.discriminator;
  return isObject(discriminator) && typeof discriminator.propertyName === "string" ? discriminator.propertyName : undefined;
}

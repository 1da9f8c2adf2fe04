import type { SchemaUtilsType } from "@rjsf/utils";
import { isObject, isSchema, listOf, propertiesOf, type Schema } from "./schema";

/** What was entered as it is sent: without what is empty, and without what the form does not show. */
export function tidy(utils: SchemaUtilsType, schema: Schema, data: unknown): unknown {
  return sent(utils, schema, JSON.parse(JSON.stringify(data ?? null)) as unknown, data) ?? (schema.type === "array" ? [] : {});
}

/** `data` is a copy without what is undefined; `given` shows where something was. */
function sent(utils: SchemaUtilsType, schema: Schema, data: unknown, given: unknown): unknown {
  if (Array.isArray(data)) {
    const { items } = schema;
    const kept = data.map((each: unknown, index) =>
      isSchema(items) ? sent(utils, items, each, (given as unknown[])[index]) : each,
    );
    return kept.length === 0 && (schema.minItems ?? 0) > 0 ? undefined : kept;
  }
  if (!isObject(data) || !isObject(given)) return data;
  const properties = formOf(utils, schema, data);
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(data)) {
    const property = properties[name];
    if (property === false) continue;
    const part = isSchema(property) ? sent(utils, property, value, given[name]) : value;
    if (part !== undefined) kept[name] = part;
  }
  // All in it was emptied: then it is not there any more.
  return Object.keys(kept).length === 0 && Object.keys(given).length > 0 ? undefined : kept;
}

/** Its properties for this data: of what conditions ask for, and of the chosen option. */
function formOf(utils: SchemaUtilsType, schema: Schema, data: unknown): Record<string, Schema | boolean> {
  const form = utils.retrieveSchema(schema, data);
  const options = listOf(form.oneOf ?? form.anyOf).filter(isSchema);
  const chosen = options.length > 0 ? options[utils.getClosestMatchingOption(data, options, 0, discriminatorOf(form))] : undefined;
  return { ...propertiesOf(form), ...(chosen && formOf(utils, chosen, data)) };
}

export function discriminatorOf(schema: Schema): string | undefined {
  const discriminator: unknown = schema.discriminator;
  return isObject(discriminator) && typeof discriminator.propertyName === "string" ? discriminator.propertyName : undefined;
}

import type { TFunction } from "i18next";
import { isSchema, listOf, propertiesOf, type Schema } from "@/forms/schema";
import { wording } from "@/forms/wording";

/** An option of a connector, as it is described. */
export interface ConnectorOption {
  name: string;
  title: string;
  description: string | undefined;
  /** What it takes: `text, at most 200 characters`. */
  kind: string;
  byDefault: string | undefined;
  isRequired: boolean;
  /** What is in it, where it is an object: once for each of its forms. */
  forms: { title: string; description: string | undefined; options: ConnectorOption[] }[];
}

type Translate = TFunction<"connectors">;

export function optionsOf(schema: unknown, t: Translate): ConnectorOption[] {
  if (!isSchema(schema)) return [];
  return Object.entries(propertiesOf(schema)).flatMap(([name, property]) =>
    isSchema(property) && property.const === undefined ? [optionOf(name, property, Boolean(schema.required?.includes(name)), t)] : [],
  );
}

function optionOf(name: string, schema: Schema, isRequired: boolean, t: Translate): ConnectorOption {
  const title = schema.title ?? wording(name);
  return {
    name,
    title,
    description: schema.description,
    kind: kindOf(schema, t),
    byDefault: schema.default === undefined || schema.default === "" ? undefined : textOf(schema.default),
    isRequired,
    forms: formsOf(schema, title, t),
  };
}

function formsOf(schema: Schema, title: string, t: Translate): ConnectorOption["forms"] {
  const choices = listOf(schema.oneOf ?? schema.anyOf).filter(isSchema).filter((each) => each.properties);
  if (choices.length > 0) {
    return choices.map((each) => {
      const constant = Object.values(propertiesOf(each)).find((property): property is Schema => isSchema(property) && property.const !== undefined);
      const own = each.title ?? (typeof constant?.const === "string" ? wording(constant.const) : "");
      return { title: own ? `${title}: ${own}` : title, description: constant?.description, options: optionsOf(each, t) };
    });
  }
  return schema.properties ? [{ title, description: undefined, options: optionsOf(schema, t) }] : [];
}

function kindOf(schema: Schema, t: Translate): string {
  if (Array.isArray(schema.enum)) return schema.enum.map(textOf).join(", ");
  if (listOf(schema.oneOf ?? schema.anyOf).length > 0) return t("kind.forms");
  const [type] = [schema.type].flat();
  const facts = [t(`kind.${type === "string" || type === "integer" || type === "number" || type === "boolean" || type === "array" || type === "object" ? type : "any"}`)];
  if (schema.minimum !== undefined && schema.maximum !== undefined) facts.push(t("fact.between", { from: schema.minimum, to: schema.maximum }));
  else if (schema.minimum !== undefined) facts.push(t("fact.atLeast", { from: schema.minimum }));
  else if (schema.maximum !== undefined) facts.push(t("fact.atMost", { to: schema.maximum }));
  if (schema.maxLength !== undefined) facts.push(t("fact.characters", { count: schema.maxLength }));
  const entries = schema.maxItems ?? schema.maxProperties;
  if (entries !== undefined) facts.push(t("fact.entries", { count: entries }));
  return facts.join(", ");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

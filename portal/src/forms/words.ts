import type { TFunction } from "i18next";
import type { SchemaProblem } from "./problems";
import { wording } from "./wording";

/** A problem in the words of the reader: `t` of the namespace `forms`. */
export function words(t: TFunction<"forms">, { rule, limit }: SchemaProblem): string {
  const count = typeof limit === "number" ? limit : 0;
  switch (rule) {
    case "required":
    case "unexpected":
    case "address":
    case "pattern":
    case "uniqueItems":
    case "propertyNames":
      return t(`rule.${rule}`);
    case "minLength":
      return count === 1 ? t("rule.required") : t("rule.minLength", { count });
    case "maxLength":
    case "minItems":
    case "maxItems":
    case "minProperties":
    case "maxProperties":
      return t(`rule.${rule}`, { count });
    case "minimum":
    case "maximum":
    case "exclusiveMinimum":
    case "exclusiveMaximum":
    case "multipleOf":
      return t(`rule.${rule}`, { limit: count });
    case "const":
      return t("rule.const", { value: String(limit) });
    case "enum":
      return t("rule.enum", { values: listed(limit) });
    case "either":
      return t("rule.either", { names: Array.isArray(limit) ? limit.map((name) => wording(String(name))).join(", ") : "" });
    case "type":
      return t(`type.${kindOf(limit)}`);
    case "format":
      return t(`format.${formats.has(String(limit)) ? String(limit) : "other"}` as "format.other");
    default:
      return t("rule.other");
  }
}

const formats = new Set(["date", "date-time", "time", "email", "uri", "uuid", "hostname", "ipv4", "ipv6"]);

function kindOf(limit: unknown): "string" | "integer" | "number" | "boolean" | "array" | "object" | "other" {
  const types: unknown[] = Array.isArray(limit) ? limit : [limit];
  const first = types.find((type) => type !== "null");
  switch (first) {
    case "string":
    case "integer":
    case "number":
    case "boolean":
    case "array":
    case "object":
      return first;
    default:
      return "other";
  }
}

function listed(values: unknown): string {
  return Array.isArray(values) ? values.map((value) => String(value)).join(", ") : "";
}

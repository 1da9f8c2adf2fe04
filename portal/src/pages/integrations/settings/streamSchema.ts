import type { TFunction } from "i18next";

/** The names of a stream's settings in the reader's language, below `integrations:streamRules`. */
type Words = TFunction<"integrations">;

const names = { type: "array", items: { type: "string", minLength: 1 }, minItems: 1, maxItems: 10 };

/** What can be set of a stream but for its program and its name, which is what receipts and cursors know it by. */
export function streamSchema(t: Words, { source, destination, streams }: { source: unknown; destination: unknown; streams: readonly string[] }): unknown {
  const said = (key: string, schema: object) => ({
    title: t(`streamRules.${key}`),
    ...(t(`streamRules.${key}Help`, { defaultValue: "" }) ? { description: t(`streamRules.${key}Help`) } : {}),
    ...schema,
  });
  const choice = (key: string, values: readonly string[]) =>
    said(key, { type: "string", oneOf: values.map((value) => ({ const: value, title: t(`streamRules.${key}_${value}`) })) });
  const percent = { type: ["number", "null"], minimum: 0, maximum: 100 };
  return {
    type: "object",
    required: ["mode", "keyFields", "onSchemaChange", "quality", "impact"],
    properties: {
      mode: choice("mode", ["FULL", "INCREMENTAL"]),
      keyFields: said("keyFields", names),
      cursorField: said("cursorField", { type: ["string", "null"] }),
      overlap: said("overlap", { type: ["integer", "null"], minimum: 1, maximum: 1_000_000_000_000 }),
      onSchemaChange: choice("onSchemaChange", ["CONTINUE", "HOLD"]),
      ...(source === undefined ? {} : { source: said("source", source as object) }),
      ...(destination === undefined ? {} : { destination: said("destination", destination as object) }),
      recordSchema: said("recordSchema", {}),
      deletions: said("deletions", {
        anyOf: [
          { type: "null" },
          {
            type: "object",
            required: ["action", "maxPercent"],
            properties: {
              action: choice("action", ["MARK", "DELETE"]),
              markField: said("markField", { type: ["string", "null"] }),
              maxPercent: said("maxGonePercent", { type: "integer", minimum: 0, maximum: 100, default: 20 }),
            },
          },
        ],
      }),
      quality: said("quality", {
        type: "object",
        properties: {
          maxFailedPercent: said("maxFailedPercent", percent),
          minRecords: said("minRecords", { type: ["integer", "null"], minimum: 1, maximum: 1_000_000_000 }),
          unique: said("unique", { type: "array", items: names, maxItems: 5 }),
          references: said("references", {
            type: "array",
            maxItems: 10,
            items: {
              type: "object",
              required: ["fields", "stream"],
              properties: {
                fields: said("referenceFields", names),
                stream: said("referenceStream", { type: "string", enum: streams }),
              },
            },
          }),
          tableReferences: said("tableReferences", {
            type: "array",
            maxItems: 10,
            items: {
              type: "object",
              required: ["fields", "table", "columns"],
              properties: {
                fields: said("referenceFields", names),
                table: said("referenceTable", { type: "string", minLength: 1, maxLength: 200 }),
                columns: said("referenceColumns", names),
              },
            },
          }),
          nullRates: said("nullRates", {
            type: "array",
            maxItems: 20,
            items: {
              type: "object",
              required: ["field"],
              properties: {
                field: said("nullField", { type: "string", minLength: 1 }),
                maxPercent: said("nullPercent", percent),
                maxIncrease: said("nullIncrease", percent),
              },
            },
          }),
          volume: said("volume", {
            type: ["object", "null"],
            properties: {
              minPercent: said("volumeMin", { type: ["number", "null"], minimum: 0 }),
              maxPercent: said("volumeMax", { type: ["number", "null"], minimum: 0 }),
            },
          }),
        },
      }),
      impact: said("impact", {
        type: "object",
        required: ["base"],
        properties: {
          base: choice("impactBase", ["LOW", "MEDIUM", "HIGH", "CRITICAL"]),
          valueField: said("valueField", { type: ["string", "null"], maxLength: 200 }),
          rules: said("impactRules", {
            type: "array",
            maxItems: 10,
            items: {
              type: "object",
              required: ["when", "impact"],
              properties: {
                label: said("impactLabel", { type: ["string", "null"], maxLength: 100 }),
                impact: choice("impactBase", ["LOW", "MEDIUM", "HIGH", "CRITICAL"]),
                when: said("impactWhen", {}),
              },
            },
          }),
        },
      }),
    },
  };
}

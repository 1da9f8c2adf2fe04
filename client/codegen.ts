import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../schema.graphql",
  documents: ["src/documents/*.graphql"],
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: "string",
        emitLegacyCommonJSImports: false,
        immutableTypes: true,
        useTypeImports: true,
        scalars: { BigInt: "number", DateTime: "string", ID: "string", JSON: "unknown" },
      },
    },
    "src/generated/idempotent_inputs.ts": { plugins: ["./codegen/idempotent_inputs.js"] },
  },
};

export default config;

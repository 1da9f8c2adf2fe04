import type { CodegenConfig } from "@graphql-codegen/cli";

const config = {
  enumsAsTypes: true,
  useTypeImports: true,
  strictScalars: true,
  scalars: { BigInt: "number", DateTime: "string", JSON: "unknown", ID: "string" },
};

// Only types come of it: `src/api/graphql.ts` reads the documents where they are written, so that each page loads its own.
const generation: CodegenConfig = {
  schema: "../schema.graphql",
  documents: ["src/**/*.{ts,tsx}", "!src/api/generated/**", "!src/**/*.test.{ts,tsx}"],
  ignoreNoDocuments: true,
  generates: {
    "src/api/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config,
    },
    // All types of the schema, for what no operation names.
    "src/api/generated/schema.ts": { plugins: ["typescript"], config: { ...config, skipTypename: true } },
  },
};

export default generation;

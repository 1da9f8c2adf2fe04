import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "node_modules/@trestle/client/dist/schema.graphql",
  documents: ["[0-9]*.ts"],
  generates: {
    "generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: "string",
        emitLegacyCommonJSImports: false,
        useTypeImports: true,
        scalars: { BigInt: "number", DateTime: "string", ID: "string", JSON: "unknown" },
      },
    },
  },
};

export default config;

// Writes the names of the inputs that take an idempotency key, so that the client knows where one helps.
import { isInputObjectType } from "graphql";

export const plugin = (schema) => {
  const names = Object.values(schema.getTypeMap())
    .filter((type) => isInputObjectType(type) && "idempotencyKey" in type.getFields())
    .map((type) => type.name)
    .sort();
  return `/** Names of the inputs that have an \`idempotencyKey\`. */
export const idempotentInputs: ReadonlySet<string> = new Set(${JSON.stringify(names, null, 2)});
`;
};

/** Keys by which a mutation that is sent twice is done once. */

import { topFields } from "./document.js";
import { idempotentInputs } from "./generated/idempotent_inputs.js";

/** A mutation that is ready to be sent. */
export interface Keyed {
  readonly variables: Record<string, unknown>;
  /** Whether all of it has a key: then it can be sent again when nobody knows whether it was done. */
  readonly isRepeatable: boolean;
}

/** Adds a key wherever the document takes one and none is given. */
export async function withKeys(text: string, given: Readonly<Record<string, unknown>>): Promise<Keyed> {
  const fields = await topFields(text);
  const variables = { ...given };
  let keyed = 0;
  for (const { input, keyVariable, hasKey } of fields) {
    if (hasKey) {
      keyed += 1;
    } else if (keyVariable !== undefined) {
      variables[keyVariable] ??= newKey();
      keyed += 1;
    } else if (input && idempotentInputs.has(input.type)) {
      const value = variables[input.variable];
      if (typeof value !== "object" || value === null) continue;
      const key = (value as { idempotencyKey?: unknown }).idempotencyKey ?? newKey();
      variables[input.variable] = { ...value, idempotencyKey: key };
      keyed += 1;
    }
  }
  return { variables, isRepeatable: fields.length > 0 && keyed === fields.length };
}

/** Not `randomUUID`, which browsers have on secure pages only. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

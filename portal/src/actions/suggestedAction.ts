import { graphql, type ResultOf } from "@/api";

/** What a button of a suggested step needs: spread it wherever `actions` are asked for. */
export const SUGGESTED_ACTION = graphql(`
  fragment SuggestedActionParts on SuggestedAction {
    kind
    label
    explanation
    mutation
    input
    missingInput
    isAvailable
    unavailableReason
    until
  }
`);

export type SuggestedAction = ResultOf<typeof SUGGESTED_ACTION>;

/** What the step is about, where that is a failure or all of a group. Steps for systems and integrations need none of it. */
export type ActionSubject =
  | { kind: "failure"; id: string; integrationId: string; businessReference: string | null; failedAt: string }
  | { kind: "group"; id: string; isOnly: boolean };

/** A field of the action's input. */
export function inputOf(action: SuggestedAction, field: string): string {
  const value = (action.input as Record<string, unknown> | null)?.[field];
  return typeof value === "string" ? value : "";
}

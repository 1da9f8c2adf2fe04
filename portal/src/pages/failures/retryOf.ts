import { inputOf, type SuggestedAction } from "@/actions/suggestedAction";

/** The retry that has a failure now, which the API names where it offers to stop it. */
export function retryOf(actions: readonly SuggestedAction[]): string | null {
  const cancel = actions.find((action) => action.kind === "CANCEL_RETRY");
  return cancel?.input ? inputOf(cancel, "retryId") : null;
}

export { ActionButton, type ActionButtonProps } from "./ActionButton";
export { RetryProgress } from "./RetryProgress";
export type { ActionSubject, SuggestedAction } from "./suggestedAction";
export { SuggestedActions, type SuggestedActionsProps } from "./SuggestedActions";

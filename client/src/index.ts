/** The typed client of Trestle's API. */

export { type InputOf, type ResultOf, type TypedDocument, type VariablesOf } from "./document.js";
export * from "./errors.js";
export { ExportFailed, type FileContent, type UploadedFile, type UploadOptions } from "./file.js";
export * from "./generated/graphql.js";
export type {
  ExportFragment as Export,
  FailureFragment as Failure,
  FailureGroupFragment as FailureGroup,
  RetryFragment as Retry,
  RunFragment as Run,
} from "./generated/graphql.js";
export {
  type Checked,
  type Done,
  Installation,
  type MutationOptions,
  type OperationOptions,
  type Pageable,
  type TrestleOptions,
  userErrorsOf,
} from "./installation.js";
export type { At, NodeAt, Page, PageOf, PagePath } from "./paging.js";
export type { RetryOptions } from "./retry.js";
export { type Credentials, PersonSession } from "./session.js";
export type { SubscribeOptions } from "./subscription.js";
export type { TokenProvider } from "./token.js";
export { hasEnded, type PortalSession, Trestle, type WaitOptions } from "./trestle.js";
export * from "./webhook.js";

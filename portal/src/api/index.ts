export { createApi, open, type ApiOptions } from "./client";
export { graphql, type ResultOf, type TypedDocumentNode, type VariablesOf } from "./graphql";
export { uniqueKey } from "./key";
export { hasCode, problemOf, type Problem, type ProblemKind } from "./problem";
export { nobody, type Session } from "./session";
export { useLive } from "./useLive";
export { useMutationForm, type MutationForm, type UserError } from "./useMutationForm";
export { usePages, type Pages } from "./usePages";

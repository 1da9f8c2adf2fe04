import type { CombinedError } from "@urql/core";

/** What went wrong, apart from input that the caller can mend. */
export type ProblemKind =
  | "offline"
  | "unauthenticated"
  | "forbidden"
  | "notFound"
  | "busy"
  | "unavailable"
  | "invalid"
  | "internal";

export interface Problem {
  kind: ProblemKind;
  /** Of the server, for people who look into it; the words of `kind` come from `common:problem`. */
  detail: string;
  /** For support: the log has the request under it. */
  requestId: string | null;
  retryAfterSeconds: number | null;
}

const kinds: Record<string, ProblemKind> = {
  UNAUTHENTICATED: "unauthenticated",
  FORBIDDEN: "forbidden",
  RATE_LIMITED: "busy",
  TIMEOUT: "unavailable",
  UNAVAILABLE: "unavailable",
  BAD_REQUEST: "invalid",
  BAD_USER_INPUT: "invalid",
  LIMIT_EXCEEDED: "invalid",
};

/** Reads an error of urql once, so that no page looks into extensions. */
export function problemOf(error: CombinedError): Problem {
  const first = error.graphQLErrors[0];
  const { code, requestId, retryAfterSeconds } = first?.extensions ?? {};
  if (!first) {
    return { kind: "offline", detail: error.networkError?.message ?? "", requestId: null, retryAfterSeconds: null };
  }
  return {
    kind: (typeof code === "string" ? kinds[code] : undefined) ?? "internal",
    detail: first.message,
    requestId: typeof requestId === "string" ? requestId : null,
    retryAfterSeconds: typeof retryAfterSeconds === "number" ? retryAfterSeconds : null,
  };
}

/** Whether the server says so by `extensions.code`. */
export function hasCode(error: CombinedError | undefined, code: string): boolean {
  return error?.graphQLErrors.some((each) => each.extensions.code === code) ?? false;
}

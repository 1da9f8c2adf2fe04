/** What can go wrong, as classes: `instanceof` tells them apart, `code` is the API's own word. */

import type { UserErrorCode } from "./generated/graphql.js";

/** An error of an answer, as GraphQL has it. */
export interface AnswerError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** What is known of a failed request. */
export interface ErrorDetails {
  /** The API's own code, e.g. `FORBIDDEN`. */
  readonly code: string;
  /** HTTP status of the answer, if there was one. */
  readonly status?: number | undefined;
  /** Under which the server's log has the detail; tell it to whoever runs the installation. */
  readonly requestId?: string | undefined;
  /** All errors of the answer. */
  readonly errors?: readonly AnswerError[];
  /** What was answered all the same; the fields that failed are null. */
  readonly data?: unknown;
  /** Seconds until another try is worth it, if the server said so. */
  readonly retryAfter?: number | undefined;
  readonly cause?: unknown;
}

/** Everything that this package throws by itself. */
export class TrestleError extends Error {
  override readonly name: string = "TrestleError";
  readonly code: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly errors: readonly AnswerError[];
  readonly data: unknown;

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.status = details.status;
    this.requestId = details.requestId;
    this.errors = details.errors ?? [];
    this.data = details.data;
  }
}

/** No answer came: the server can't be reached, the connection broke, or the time was up. */
export class NetworkError extends TrestleError {
  override readonly name = "NetworkError";
  /** Whether it is certain that the server has not seen the request. */
  readonly neverSent: boolean;

  constructor(message: string, details: { cause?: unknown; neverSent?: boolean }) {
    super(message, { code: "NETWORK", cause: details.cause });
    this.neverSent = details.neverSent ?? false;
  }
}

/** No token, or one that is not good. */
export class Unauthenticated extends TrestleError {
  override readonly name = "Unauthenticated";
}

/** The token is good and does not allow this. */
export class Forbidden extends TrestleError {
  override readonly name = "Forbidden";
  /** The permission that is missing, where one would help: `failures:retry`. */
  readonly permission: string | undefined;

  constructor(message: string, details: ErrorDetails) {
    super(message, details);
    this.permission = extension(details, "permission", "string");
  }
}

/** It is not there, or belongs to somebody else. */
export class NotFound extends TrestleError {
  override readonly name = "NotFound";
}

/** The caller asked for more than their budget holds, or for too much at once. Nothing was done. */
export class RateLimited extends TrestleError {
  override readonly name = "RateLimited";
  /** Seconds until another try is worth it. */
  readonly retryAfter: number;

  constructor(message: string, details: ErrorDetails) {
    super(message, details);
    this.retryAfter = details.retryAfter ?? extension(details, "retryAfterSeconds", "number") ?? 1;
  }
}

/** A part that is needed does not answer. */
export class Unavailable extends TrestleError {
  override readonly name = "Unavailable";
  /** Seconds until another try is worth it, if the server said so. */
  readonly retryAfter: number | undefined;

  constructor(message: string, details: ErrorDetails) {
    super(message, details);
    this.retryAfter = details.retryAfter;
  }
}

/** The server stopped the request because it took too long. */
export class TimedOut extends TrestleError {
  override readonly name = "TimedOut";
}

/** The fault is the server's. */
export class InternalError extends TrestleError {
  override readonly name = "InternalError";
}

/** The request itself is wrong: the document, its variables, its form. */
export class BadRequest extends TrestleError {
  override readonly name: string = "BadRequest";
}

/** The request asks for more than one may. */
export class LimitExceeded extends BadRequest {
  override readonly name = "LimitExceeded";
  /** Which limit: `cost`. */
  readonly limit: string | undefined;
  readonly maximum: number | undefined;

  constructor(message: string, details: ErrorDetails) {
    super(message, details);
    this.limit = extension(details, "limit", "string");
    this.maximum = extension(details, "maximum", "number");
  }
}

/** More has changed while a listener was away than it is told of: what it shows is to be read anew. */
export class CatchUpIncomplete extends TrestleError {
  override readonly name = "CatchUpIncomplete";
}

/** One thing that is wrong with an input. */
export interface UserError {
  readonly code: UserErrorCode;
  /** Path into the input, `["streams", "0", "mapping"]`; null when it is about the whole. */
  readonly field: readonly string[] | null;
  /** For people: what is wrong, and what to do. */
  readonly message: string;
}

/** Places in an input, e.g. `streams.0.mapping`; in a JSON value any. */
export type FieldPath<TInput, TDepth extends readonly unknown[] = []> = unknown extends TInput
  ? string
  : TDepth["length"] extends 6
    ? string
    : NonNullable<TInput> extends readonly (infer TItem)[]
      ? `${number}` | `${number}.${FieldPath<TItem, [...TDepth, 0]>}`
      : NonNullable<TInput> extends object
        ? { [K in keyof TInput & string]: K | `${K}.${FieldPath<TInput[K], [...TDepth, 0]>}` }[keyof TInput & string]
        : never;

/** The server refused an input, and did nothing: everything that is wrong with it, at once. */
export class UserErrors<TInput = unknown> extends TrestleError {
  override readonly name = "UserErrors";
  readonly userErrors: readonly UserError[];
  /** The name of the mutation in its document. */
  readonly mutation: string;

  constructor(
    mutation: string,
    userErrors: readonly UserError[],
    details: { requestId?: string | undefined; data: unknown },
  ) {
    const said = userErrors.map(({ field, message }) => (field?.length ? `${field.join(".")}: ${message}` : message));
    super(said.join("\n"), { code: "USER_ERRORS", ...details });
    this.mutation = mutation;
    this.userErrors = userErrors;
  }

  /** What is wrong at this place of the input, and below it: `of("streams.0")`. */
  of(path: FieldPath<TInput>): UserError[] {
    const wanted = path.split(".");
    return this.userErrors.filter(({ field }) => wanted.every((part, index) => field?.[index] === part));
  }

  /** What is wrong with the input as a whole. */
  get ofTheWhole(): UserError[] {
    return this.userErrors.filter(({ field }) => !field?.length);
  }

  /** Whether one of them has this code. */
  has(code: UserErrorCode): boolean {
    return this.userErrors.some((error) => error.code === code);
  }
}

const classes: Readonly<Record<string, new (message: string, details: ErrorDetails) => TrestleError>> = {
  UNAUTHENTICATED: Unauthenticated,
  FORBIDDEN: Forbidden,
  NOT_FOUND: NotFound,
  RATE_LIMITED: RateLimited,
  UNAVAILABLE: Unavailable,
  TIMEOUT: TimedOut,
  INTERNAL: InternalError,
  BAD_REQUEST: BadRequest,
  BAD_USER_INPUT: BadRequest,
  GRAPHQL_PARSE_FAILED: BadRequest,
  GRAPHQL_VALIDATION_FAILED: BadRequest,
  PERSISTED_QUERY_NOT_FOUND: BadRequest,
  OPERATION_NOT_TRUSTED: Forbidden,
  LIMIT_EXCEEDED: LimitExceeded,
  CATCH_UP_INCOMPLETE: CatchUpIncomplete,
};

/** The codes of HTTP statuses, for answers that come from something in between. */
const codesOfStatuses: Readonly<Record<number, string>> = {
  400: "BAD_REQUEST",
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  429: "RATE_LIMITED",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "UNAVAILABLE",
};

/** The error of an answer: by the code of the first of its errors, or by its status. */
export function errorOf(answer: Omit<ErrorDetails, "code">): TrestleError {
  const first = answer.errors?.[0];
  const said = first?.extensions?.["code"];
  const byStatus = codesOfStatuses[answer.status ?? 0] ?? "UNEXPECTED";
  const code = typeof said === "string" ? said : byStatus;
  const message = first?.message ?? `The server answered ${String(answer.status)}.`;
  return new (classes[code] ?? classes[byStatus] ?? TrestleError)(message, { ...answer, code });
}

function extension(details: ErrorDetails, name: string, type: "string"): string | undefined;
function extension(details: ErrorDetails, name: string, type: "number"): number | undefined;
function extension(details: ErrorDetails, name: string, type: string): unknown {
  const value = details.errors?.[0]?.extensions?.[name];
  return typeof value === type ? value : undefined;
}

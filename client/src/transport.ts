/** Requests to one installation: who asks, in which language, for how long, and how often it is tried. */

import { type AnswerError, errorOf, NetworkError, Unauthenticated } from "./errors.js";
import { pause, RetryPolicy } from "./retry.js";
import type { TokenSource } from "./token.js";

/** Longer than the server works on a request, which is 30 s. */
export const TIMEOUT_MS = 35_000;
/** What Node.js says when a connection was not made: nothing was sent. */
const NOT_CONNECTED = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** What the caller of one request decides. */
export interface RequestOptions {
  /** Ends the request, and the waiting for another attempt. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for each attempt; 0 for no end. */
  readonly timeout?: number | undefined;
  /** Other than the client's. */
  readonly retry?: RetryPolicy | undefined;
}

/** One request. */
export interface Sent extends RequestOptions {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit | undefined;
  /** Whether it can be sent again when nobody knows what became of it. */
  readonly isRepeatable: boolean;
  /** Whether to say who asks. */
  readonly isAnonymous?: boolean;
}

/** Sends requests. */
export class Transport {
  constructor(
    /** Where the installation is, with a slash at the end. */
    readonly base: URL,
    readonly tokens: TokenSource,
    readonly fetch: typeof globalThis.fetch,
    readonly language: string | undefined,
    readonly retry: RetryPolicy,
    readonly timeout: number,
  ) {}

  /** An address on the installation, or elsewhere. */
  at(path: string): URL {
    return new URL(path, this.base);
  }

  /** Sends a request until it is answered, and gives what `read` makes of the answer; see {@link RetryPolicy}. */
  async send<T>(path: string, sent: Sent, read: (response: Response) => Promise<T>): Promise<T> {
    const retry = sent.retry ?? this.retry;
    let renewed = false;
    for (let failures = 0; ;) {
      const token = sent.isAnonymous ? undefined : await this.tokens.current();
      try {
        return await this.attempt(path, sent, token, read);
      } catch (error) {
        sent.signal?.throwIfAborted();
        if (error instanceof Unauthenticated && !renewed && !sent.isAnonymous) {
          renewed = true;
          if (await this.tokens.replace(token)) continue;
        }
        failures += 1;
        const wait = retry.waitAfter(error, failures, sent.isRepeatable);
        if (wait === undefined) throw error;
        await pause(wait, sent.signal);
      }
    }
  }

  /** What every request says. */
  headers(token: string | undefined): Record<string, string> {
    return {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(this.language === undefined ? {} : { "accept-language": this.language }),
    };
  }

  private async attempt<T>(
    path: string,
    { method, headers, body, signal, timeout = this.timeout }: Sent,
    token: string | undefined,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    // Not `AbortSignal.timeout`, which would go on behind the answer while its body is read.
    const limit = new AbortController();
    const address = this.at(path);
    const init: RequestInit = {
      method,
      headers: new Headers({ ...this.headers(token), ...headers }),
      body: body ?? null,
      signal: AbortSignal.any([limit.signal, ...(signal ? [signal] : [])]),
      // A body that comes bit by bit.
      ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
    };
    const timer =
      timeout > 0
        ? setTimeout(() => {
            limit.abort();
          }, timeout)
        : undefined;
    try {
      return await read(await this.fetch(address, init));
    } catch (error) {
      if (!limit.signal.aborted) throw networkError(error);
      throw new NetworkError(`No answer came within ${String(timeout)} ms.`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What `fetch` throws, as ours; everything else as it is. */
export function networkError(error: unknown): Error {
  // By the standard a request that fails is a TypeError, and so is a body that breaks off.
  if (error instanceof Error && !(error instanceof TypeError)) return error;
  if (!(error instanceof Error)) return new NetworkError("The request was given up.", { cause: error });
  const code = (error.cause as { code?: unknown } | undefined)?.code;
  const reason = typeof code === "string" ? `${error.message}: ${code}` : error.message;
  return new NetworkError(`The server did not answer (${reason}).`, {
    cause: error,
    neverSent: typeof code === "string" && NOT_CONNECTED.has(code),
  });
}

/** What is wrong by an answer that is none of those that were hoped for. */
export async function failure(response: Response): Promise<Error> {
  const text = await response.text();
  return answered(response, parse(text)?.errors ?? plainErrors(text));
}

/** Errors of what is no GraphQL, files for example: `{"error": {"code": "not_found", "message": "…"}}`. */
function plainErrors(text: string): AnswerError[] {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown; message?: unknown } };
    if (typeof error?.code !== "string" || typeof error.message !== "string") return [];
    return [{ message: error.message, extensions: { code: error.code.toUpperCase() } }];
  } catch {
    return [];
  }
}

/** The error of an answer with these errors. */
export function answered(response: Response, errors: readonly AnswerError[], data?: unknown): Error {
  return errorOf({
    status: response.status,
    requestId: requestIdOf(response),
    retryAfter: retryAfter(response),
    errors,
    data,
  });
}

/** Under which the server's log has the request. */
export function requestIdOf(response: Response): string | undefined {
  return response.headers.get("x-request-id") ?? undefined;
}

/** A GraphQL answer; undefined when it is something else. */
export function parse(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && ("data" in value || "errors" in value)
      ? (value as Answer)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A GraphQL answer. */
export interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly AnswerError[];
}

/** `Retry-After` in seconds: a number, or a date (RFC 9110, section 10.2.3). */
function retryAfter(response: Response): number | undefined {
  const value = response.headers.get("retry-after");
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1_000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/** One installation as one caller: any document, checked by its types. What there is for nouns is in `trestle`. */

import { textOf, type TypedDocument } from "./document.js";
import { type FieldPath, TrestleError, type UserError, UserErrors } from "./errors.js";
import { withKeys } from "./idempotency.js";
import { type At, type NodeAt, type Page, type PageOf, type PagePath, pagesOf } from "./paging.js";
import { type RetryOptions, RetryPolicy } from "./retry.js";
import { listen, type SubscribeOptions } from "./subscription.js";
import { type TokenProvider, TokenSource } from "./token.js";
import { answered, parse, requestIdOf, TIMEOUT_MS, Transport } from "./transport.js";

/** Where an installation is, and who asks. */
export interface TrestleOptions {
  /** Address of the installation: `https://trestle.example`. */
  readonly url: string | URL;
  /** An access token or a portal session's token. */
  readonly token?: string;
  /** An API key. */
  readonly apiKey?: string;
  /** What gives tokens that end, and other ones instead. */
  readonly tokenProvider?: TokenProvider;
  /** In place of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** The language of what is read of failures (BCP 47): `de`. */
  readonly language?: string;
  /** How patient it is with what passes; false: not at all. */
  readonly retry?: RetryOptions | false;
  /** Milliseconds for each attempt: 35,000; 0 for no end. */
  readonly timeout?: number;
}

/** What the caller of one operation decides. */
export interface OperationOptions {
  /** Ends it; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Other than the client's. */
  readonly timeout?: number;
  /** Other than the client's. */
  readonly retry?: RetryOptions | false;
}

/** The same of a mutation. */
export interface MutationOptions extends OperationOptions {
  /**
   * Whether it does no harm when it is done twice, as with `update…` and `set…`: then it is sent again when its answer
   * was lost. Mutations with an idempotency key always are.
   */
  readonly isRepeatable?: boolean;
}

/** Variables may be left out where all of them may be. */
export type Rest<TVariables, TOptions> =
  Record<string, never> extends TVariables
    ? [variables?: TVariables, options?: TOptions]
    : [variables: TVariables, options?: TOptions];

/** What a mutation answers that was done: of its payloads, objects are there. */
export type Done<TResult> = {
  [K in keyof TResult]: {
    [F in keyof TResult[K]]: object | null extends TResult[K][F]
      ? TResult[K][F]
      : Extract<TResult[K][F], object> extends never
        ? TResult[K][F]
        : NonNullable<TResult[K][F]>;
  };
};

/** Payloads of which `userErrors` are not selected: what was refused would look as if it had been done. */
type Unchecked<TResult> = unknown extends TResult
  ? never
  : {
      [K in Exclude<keyof TResult, "__typename">]: TResult[K] extends { userErrors: readonly UserError[] } ? never : K;
    }[Exclude<keyof TResult, "__typename">];

/** A document with `userErrors { code field message }` in each payload. */
export type Checked<TResult> = [Unchecked<TResult>] extends [never]
  ? unknown
  : { "select userErrors { code field message } in": Unchecked<TResult> };

/** A document that takes `$after`. */
export type Pageable<TVariables> = unknown extends TVariables
  ? unknown
  : "after" extends keyof TVariables
    ? unknown
    : { "take $after: String": never };

/** One installation as one caller. */
export class Installation {
  protected readonly transport: Transport;

  constructor(options: TrestleOptions) {
    const { url, token, apiKey, tokenProvider, language, retry, timeout = TIMEOUT_MS } = options;
    const base = new URL(url);
    base.pathname = base.pathname.replace(/\/(graphql\/?)?$/, "") + "/";
    this.transport = new Transport(
      base,
      new TokenSource(tokenProvider ?? apiKey ?? token),
      // The global one is looked up each time, for whoever replaces it; it may only be called by itself.
      options.fetch ?? ((input, init) => fetch(input, init)),
      language,
      new RetryPolicy(retry),
      timeout,
    );
  }

  /** Asks a query, again when there was no answer or the server was busy. */
  async query<TResult, TVariables>(
    document: TypedDocument<TResult, TVariables>,
    ...[variables, options]: Rest<TVariables, OperationOptions>
  ): Promise<TResult> {
    const { data } = await this.execute(await textOf(document), variables, true, options);
    return data as TResult;
  }

  /**
   * Does a mutation. Throws `UserErrors` when it was refused. Where its input takes an idempotency key and has none, one is
   * added, and it is sent again when its answer was lost; others are sent again only when they certainly were not done.
   */
  async mutate<TResult, TVariables>(
    document: TypedDocument<TResult, TVariables> & Checked<TResult>,
    ...[variables, options]: Rest<TVariables, MutationOptions>
  ): Promise<Done<TResult>> {
    const text = await textOf(document);
    const keyed = await withKeys(text, variables ?? {});
    const isRepeatable = keyed.isRepeatable || (options?.isRepeatable ?? false);
    const { data, requestId } = await this.execute(text, keyed.variables, isRepeatable, options);
    for (const [name, payload] of Object.entries(
      data as Record<string, { userErrors?: readonly UserError[] } | null>,
    )) {
      if (payload?.userErrors?.length) throw new UserErrors(name, payload.userErrors, { requestId, data });
    }
    return data as Done<TResult>;
  }

  /** The pages of the connection at `path` (`failures`, `run.failures`), each asked for when the one before was taken. */
  pages<TResult, TVariables, TPath extends PagePath<TResult>>(
    document: TypedDocument<TResult, TVariables> & Pageable<TVariables>,
    variables: NoInfer<TVariables>,
    path: TPath,
    options?: OperationOptions,
  ): AsyncGenerator<At<TResult, TPath>, void, undefined> {
    const given = variables as Record<string, unknown>;
    const ask = async (after: unknown) =>
      (await this.execute(await textOf(document), { ...given, after }, true, options)).data;
    return pagesOf<At<TResult, TPath> & Page>(ask, path, given["after"] as string | null | undefined);
  }

  /** The objects of the connection at `path`, from all its pages; the next page is asked for when they are taken. */
  async *nodes<TResult, TVariables, TPath extends PagePath<TResult, PageOf<unknown>>>(
    document: TypedDocument<TResult, TVariables> & Pageable<TVariables>,
    variables: NoInfer<TVariables>,
    path: TPath,
    options?: OperationOptions,
  ): AsyncGenerator<NodeAt<TResult, TPath>, void, undefined> {
    for await (const page of this.pages(document, variables, path as TPath & PagePath<TResult>, options)) {
      for (const edge of (page as PageOf<NodeAt<TResult, TPath>>).edges) yield edge.node;
    }
  }

  /**
   * Listens. A connection that breaks, or ends with its token, is followed by another one; what changed meanwhile comes
   * first where the document takes `$since: DateTime`. Ends when the caller leaves the loop.
   */
  async *subscribe<TResult, TVariables>(
    document: TypedDocument<TResult, TVariables>,
    ...[variables, options]: Rest<TVariables, SubscribeOptions>
  ): AsyncGenerator<TResult, void, undefined> {
    const events = listen(this.transport, await textOf(document), variables ?? {}, options ?? {});
    yield* events as AsyncGenerator<TResult, void, undefined>;
  }

  private async execute(
    query: string,
    variables: unknown,
    isRepeatable: boolean,
    { signal, timeout, retry }: OperationOptions = {},
  ): Promise<{ data: unknown; requestId: string | undefined }> {
    return this.transport.send(
      "graphql",
      {
        method: "POST",
        headers: {
          accept: "application/graphql-response+json, application/json;q=0.9",
          "content-type": "application/json",
        },
        body: JSON.stringify({ query, variables }),
        isRepeatable,
        signal,
        timeout,
        retry: retry === undefined ? undefined : new RetryPolicy(retry),
      },
      async (response) => {
        const answer = parse(await response.text());
        const isWhole = answer?.data !== undefined && answer.data !== null && !answer.errors?.length;
        if (!isWhole) throw answered(response, answer?.errors ?? [], answer?.data);
        return { data: answer.data, requestId: requestIdOf(response) };
      },
    );
  }
}

/** What a server that keeps to its schema gives when nothing went wrong. */
export function given<T>(value: T | null, what: string): T {
  if (value === null) throw new TrestleError(`The server gave no ${what}.`, { code: "UNEXPECTED" });
  return value;
}

/** The user errors of a mutation by this document, whose places are known; undefined for any other error. */
export function userErrorsOf<TVariables extends { input: unknown }>(
  error: unknown,
  _document: TypedDocument<unknown, TVariables>,
): UserErrors<TVariables["input"]> | undefined {
  return error instanceof UserErrors ? error : undefined;
}

export type { FieldPath };

/** Live updates over server-sent events, through broken connections and tokens that end, without losing a change. */

import { declares } from "./document.js";
import {
  type AnswerError,
  CatchUpIncomplete,
  errorOf,
  InternalError,
  NetworkError,
  TimedOut,
  Unauthenticated,
} from "./errors.js";
import { isPassing, pause, retryAfterOf } from "./retry.js";
import { SILENCE_MS, watched, within } from "./silence.js";
import { failure, networkError, type Transport } from "./transport.js";

/** Events that wait for a slow reader; beyond that the connection is closed until they are taken. */
const WAITING_EVENTS = 1_000;
/** Where the server's clock is not known: what comes twice does no harm, what is left out does. */
const CLOCK_MARGIN_MS = 60_000;
/** A connection that lasted so long did not fail at once. */
const STEADY_MS = 10_000;
/** After so many failures the wait for another connection does not grow any more: half a minute at most. */
const LONGEST_WAIT_FAILURES = 8;
/** Failures on the server's side in a row until they are thrown; a network may be away for longer. */
const SERVER_FAILURES = 5;

const GAP = { code: "CATCH_UP_INCOMPLETE" };

/** What the caller of a subscription decides. */
export interface SubscribeOptions {
  /** Ends it. */
  readonly signal?: AbortSignal;
  /**
   * More has changed than is told of, so what is shown is to be read anew; the subscription goes on. Without it
   * `CatchUpIncomplete` is thrown.
   */
  readonly onGap?: (error: CatchUpIncomplete) => void | Promise<void>;
  /** The connection broke, and another one is tried. */
  readonly onReconnect?: (error: Error) => void;
  /** Milliseconds without a sign of life after which a connection counts as broken: 60,000. */
  readonly silence?: number;
}

interface Event {
  readonly data?: unknown;
  readonly errors?: readonly AnswerError[];
  readonly extensions?: { readonly since?: string };
}

/** Gives the data of each event, until the server says that there are no more, or the caller does. */
export async function* listen(
  transport: Transport,
  text: string,
  variables: Readonly<Record<string, unknown>>,
  options: SubscribeOptions,
): AsyncGenerator<unknown, void, undefined> {
  const { signal } = options;
  const catchesUp = declares(text, "since");
  let since = variables["since"];
  let failures = 0;
  let renewed = false;
  const begun = Date.now();
  for (;;) {
    signal?.throwIfAborted();
    const token = await transport.tokens.current();
    const asked = catchesUp ? { ...variables, since } : variables;
    const connection = await Connection.open(transport, token, { query: text, variables: asked }, options);
    let error: Error | undefined;
    try {
      for (let event = await connection.next(); event; event = await connection.next()) {
        const isGap = await tellGap(event, options);
        failures = 0;
        since = event.extensions?.since ?? (isGap ? connection.since : since);
        if (!isGap) yield event.data;
      }
    } catch (thrown) {
      error = networkError(thrown);
    } finally {
      connection.close();
    }
    signal?.throwIfAborted();
    if (error === undefined && connection.isComplete) return;
    since ??= connection.since ?? earlier(begun);

    if (error instanceof Unauthenticated) {
      if (renewed || !(await transport.tokens.replace(token))) throw error;
      renewed = true;
      continue;
    }
    renewed = false;
    if (error && !mayPass(error, failures)) throw error;
    if (!catchesUp) await options.onGap?.(new CatchUpIncomplete("The document takes no $since.", GAP));
    // Without an error the reader was too slow, and has taken all by now.
    if (!error) continue;
    options.onReconnect?.(error);
    if (connection.wasSteady) failures = 0;
    failures += 1;
    const wait = transport.retry.wait(Math.min(failures, LONGEST_WAIT_FAILURES), retryAfterOf(error));
    await pause(wait, signal);
  }
}

/** Whether the event says that others are missing; throws what else is wrong with it. */
async function tellGap(event: Event, { onGap }: SubscribeOptions): Promise<boolean> {
  if (!event.errors?.length) return false;
  const error = errorOf({ errors: event.errors, data: event.data });
  if (!(error instanceof CatchUpIncomplete) || !onGap) throw error;
  await onGap(error);
  return true;
}

function mayPass(error: Error, failures: number): boolean {
  if (isPassing(error)) return true;
  return (error instanceof InternalError || error instanceof TimedOut) && failures < SERVER_FAILURES;
}

/** One connection, and what came by it. */
class Connection {
  /** Whether the server said that there is no more. */
  isComplete = false;
  /** About when it began, by the server's clock if it tells: what changes from then on comes by it. */
  since: string | undefined;
  private readonly opened = Date.now();
  private readonly waiting: Event[] = [];
  private readonly control = new AbortController();
  private isOver = false;
  private error: Error | undefined;
  private wake: (() => void) | undefined;

  static async open(
    transport: Transport,
    token: string | undefined,
    request: { query: string; variables: Record<string, unknown> },
    { signal, silence = SILENCE_MS }: SubscribeOptions,
  ): Promise<Connection> {
    const { createClient } = await import("graphql-sse");
    const connection = new Connection();
    let reason: Error | undefined;
    const client = createClient({
      url: transport.at("graphql").href,
      headers: transport.headers(token),
      // Another attempt needs another `since`.
      retryAttempts: 0,
      fetchFn: async (address: RequestInfo, init: RequestInit) => {
        const limit = new AbortController();
        let cut: NetworkError | undefined;
        const signals = [limit.signal, connection.control.signal, ...(init.signal ? [init.signal] : [])];
        try {
          const asked = transport.fetch(address, { ...init, signal: AbortSignal.any(signals) });
          const response = await within(silence, asked, (silent) => {
            cut = silent;
            limit.abort();
          });
          if (!response.ok) throw await failure(response);
          connection.since = beginning(response);
          return response.body ? new Response(watched(response.body, silence), response) : response;
        } catch (error) {
          reason = cut ?? networkError(error);
          throw error;
        }
      },
    });
    client.subscribe(request, {
      next: (event) => {
        connection.take(event as Event);
      },
      error: (error) => {
        connection.end(reason ?? new NetworkError(messageOf(error), { cause: error }));
      },
      complete: () => {
        connection.isComplete = !connection.isOver;
        connection.end(undefined);
      },
    });
    connection.control.signal.addEventListener("abort", () => {
      client.dispose();
    });
    signal?.addEventListener(
      "abort",
      () => {
        connection.close();
      },
      { signal: connection.control.signal },
    );
    return connection;
  }

  /** Whether it lasted, so that the next one need not wait. */
  get wasSteady(): boolean {
    return this.since !== undefined && Date.now() - this.opened > STEADY_MS;
  }

  /** The next event; undefined when there are no more. */
  async next(): Promise<Event | undefined> {
    while (this.waiting.length === 0 && !this.isOver) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const event = this.waiting.shift();
    if (event === undefined && this.error !== undefined) throw this.error;
    return event;
  }

  close(): void {
    this.end(undefined);
    this.control.abort();
  }

  private take(event: Event): void {
    if (this.isOver) return;
    this.waiting.push(event);
    this.wake?.();
    if (this.waiting.length >= WAITING_EVENTS) this.close();
  }

  private end(error: Error | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    this.error = error;
    this.wake?.();
  }
}

function beginning(response: Response): string {
  const date = Date.parse(response.headers.get("date") ?? "");
  return Number.isNaN(date) ? earlier(Date.now()) : new Date(date).toISOString();
}

function earlier(time: number): string {
  return new Date(time - CLOCK_MARGIN_MS).toISOString();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "The connection broke.";
}

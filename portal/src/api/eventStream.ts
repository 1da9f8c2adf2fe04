import type { SubscriptionForwarder } from "@urql/core";
import type { Client, RequestParams } from "graphql-sse";

interface Options {
  url: string;
  headers: () => Promise<Record<string, string>>;
}

const WAIT_MS_MAX = 30_000;

/**
 * Subscriptions by server-sent events. A stream ends with its token, and with each deployment; it is then opened again, with
 * `since` of the last event, so that what changed meanwhile comes first.
 */
export function eventStream({ url, headers }: Options): SubscriptionForwarder {
  let client: Promise<Client> | undefined;
  // Loaded when something is first listened to.
  const streams = () =>
    (client ??= import("graphql-sse").then(({ createClient }) =>
      createClient({
        url,
        headers,
        credentials: "omit",
        retryAttempts: Number.POSITIVE_INFINITY,
        retry: (retries) => {
          const wait = Math.min(WAIT_MS_MAX, 500 * 2 ** Math.min(retries, 10));
          return new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random() / 2)));
        },
      }),
    ));
  return (operation) => ({
    subscribe: (observer) => {
      const { query = "" } = operation;
      const variables = operation.variables as Record<string, unknown> | undefined;
      let since: string | undefined;
      const request: RequestParams = {
        query,
        // Read anew by each attempt.
        get variables() {
          return since && query.includes("$since") ? { ...variables, since } : { ...variables };
        },
      };
      let isOver = false;
      let unsubscribe: (() => void) | undefined;
      void streams().then(
        (stream) => {
          if (isOver) return;
          unsubscribe = stream.subscribe(request, {
            next: (result) => {
              const told = (result.extensions as Record<string, unknown> | undefined)?.since;
              if (typeof told === "string") since = told;
              observer.next(result as Parameters<typeof observer.next>[0]);
            },
            error: (error) => observer.error(error),
            complete: () => observer.complete(),
          });
        },
        (error: unknown) => observer.error(error),
      );
      return {
        unsubscribe: () => {
          isOver = true;
          unsubscribe?.();
        },
      };
    },
  });
}

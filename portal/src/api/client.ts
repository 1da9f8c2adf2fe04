import { cacheExchange, Client, type Exchange, fetchExchange, subscriptionExchange } from "@urql/core";
import { authExchange } from "@urql/exchange-auth";
import { retryExchange } from "@urql/exchange-retry";
import { eventStream } from "./eventStream";
import { remember } from "./files";
import { hasCode } from "./problem";
import type { Session } from "./session";

export interface ApiOptions {
  session: Session;
  /** BCP 47; failures and actions are read in it. */
  language: () => string;
  /** Of the server; by default the one that the page came from. */
  url?: string;
  /** Stands in front of all others. */
  exchange?: Exchange;
}

/** A client of Trestle: everything that is fetched goes through it. */
export function createApi({ session, language, url = "/graphql", exchange }: ApiOptions): Client {
  const headers = (): Record<string, string> => {
    const token = session.token();
    return { "accept-language": language(), ...(token ? { authorization: `Bearer ${token}` } : {}) };
  };
  const client = new Client({
    url,
    preferGetMethod: false,
    fetchOptions: () => ({ headers: { "accept-language": language() }, credentials: "omit" }),
    exchanges: [
      ...(exchange ? [exchange] : []),
      cacheExchange,
      // In front of `authExchange`, so that a second try has the token of that moment.
      retryExchange({
        maxNumberAttempts: 3,
        retryIf: (error, { kind }) => kind === "query" && (error.networkError != null || hasCode(error, "UNAVAILABLE")),
      }),
      authExchange((utilities) =>
        Promise.resolve({
          addAuthToOperation: (operation) => {
            const token = session.token();
            return token ? utilities.appendHeaders(operation, { authorization: `Bearer ${token}` }) : operation;
          },
          willAuthError: (operation) => !operation.context.isOpen && session.isStale(),
          didAuthError: (error, operation) => !operation.context.isOpen && hasCode(error, "UNAUTHENTICATED"),
          refreshAuth: async () => {
            await session.renew();
          },
        }),
      ),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: eventStream({
          url,
          headers: async () => {
            if (session.isStale()) await session.renew();
            return headers();
          },
        }),
      }),
    ],
  });
  remember(client, { url, session });
  return client;
}

/** For operations that need no sign-in, and must not wait for one that ended. */
export const open = { isOpen: true, requestPolicy: "network-only" } as const;

declare module "@urql/core" {
  interface OperationContext {
    isOpen?: boolean;
  }
}

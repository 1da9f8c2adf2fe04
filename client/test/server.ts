// A server on this machine that answers as a test says, over real connections.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { onTestFinished } from "vitest";

export interface Taken {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body of a GraphQL request. */
  readonly request: { query: string; variables: Record<string, unknown> };
}

export type Answer = (response: ServerResponse, taken: Taken, request: IncomingMessage) => unknown;

export interface Server {
  readonly url: string;
  /** What came, the oldest first. */
  readonly taken: Taken[];
  /** How the next requests are answered; the last answer stays. */
  answer(...answers: Answer[]): void;
  /** Breaks all connections, and takes no more. */
  stop(): Promise<void>;
}

export async function start(...answers: Answer[]): Promise<Server> {
  const taken: Taken[] = [];
  let next = answers;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      const one: Taken = {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body,
        request: request.headers["content-type"]?.startsWith("application/json")
          ? { variables: {}, ...(JSON.parse(body) as { query: string }) }
          : { query: "", variables: {} },
      };
      taken.push(one);
      const answer = next.length > 1 ? next.shift() : next[0];
      void answer?.(response, one, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  onTestFinished(stop);
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    taken,
    answer: (...others) => {
      next = others;
    },
    stop,
  };
}

/** A GraphQL answer. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, {
      "content-type": "application/graphql-response+json",
      "x-request-id": "request-1",
      ...headers,
    });
    response.end(JSON.stringify(body));
  };
}

export function data(value: unknown): Answer {
  return json({ data: value });
}

/** An answer that consists of one error. */
export function error(code: string, status: number, more: Record<string, unknown> = {}, headers = {}): Answer {
  return json({ errors: [{ message: `It is ${code}.`, extensions: { code, ...more } }] }, status, headers);
}

/** The connection breaks before anything is answered. */
export const broken: Answer = (response) => {
  response.destroy();
};

/** Nothing ever comes. */
export const silent: Answer = () => undefined;

/** Events of a stream; then it breaks, is complete, or stays open. */
export function stream(events: unknown[], end: "break" | "close" | "complete" | "stay"): Answer {
  return (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(":\n\n");
    const text = events.map((event) => `event: next\ndata: ${JSON.stringify(event)}\n\n`).join("");
    if (text) response.write(text);
    if (end === "complete") response.end("event: complete\ndata:\n\n");
    if (end === "close") response.end();
    // What was written has to leave before the connection breaks.
    if (end === "break") setTimeout(() => response.destroy(), 20);
  };
}

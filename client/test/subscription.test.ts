import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";

import {
  BadRequest,
  CatchUpIncomplete,
  FailureChangedDocument,
  NotFound,
  RunChangedDocument,
  type SubscribeOptions,
  Trestle,
  Unauthenticated,
} from "../src/index.js";
import { error, silent, start, stream } from "./server.js";

const T1 = "2026-11-27T08:00:01.000Z";
const T2 = "2026-11-27T08:00:02.000Z";
const changed = (id: string, since?: string) => ({ data: { failureChanged: { id } }, extensions: { since } });
const gap = { data: null, errors: [{ message: "Too much.", extensions: { code: "CATCH_UP_INCOMPLETE" } }] };
const wrong = (code: string) => ({ data: null, errors: [{ message: code, extensions: { code } }] });

/** The ids that come until there are so many, or it ends. */
async function take(url: string, count: number, options: SubscribeOptions & { tokenProvider?: () => string } = {}) {
  const { tokenProvider, ...rest } = options;
  const trestle = new Trestle({ url, retry: { baseMs: 5 }, ...(tokenProvider ? { tokenProvider } : { token: "t" }) });
  const ids: string[] = [];
  for await (const { failureChanged } of trestle.subscribe(FailureChangedDocument, {}, rest)) {
    ids.push(failureChanged.id);
    if (ids.length === count) break;
  }
  return ids;
}

test("events come until the server says that there are no more", async () => {
  const server = await start(stream([changed("a"), changed("b")], "complete"));
  expect(await take(server.url, 9)).toEqual(["a", "b"]);
  expect(server.taken[0]).toMatchObject({
    url: "/graphql",
    headers: { accept: "text/event-stream", authorization: "Bearer t" },
    request: { variables: {} },
  });
});

test.each(["break", "close"] as const)("after a connection that ends by a %s it goes on where it was", async (end) => {
  const server = await start(stream([changed("a", T1), changed("b", T2)], end), stream([changed("c")], "complete"));
  const reasons: string[] = [];
  const onReconnect = ({ name }: Error) => reasons.push(name);
  expect(await take(server.url, 9, { onReconnect })).toEqual(["a", "b", "c"]);
  expect(server.taken.map(({ request }) => request.variables["since"])).toEqual([undefined, T2]);
  expect(reasons).toEqual(["NetworkError"]);
});

test("without an event it goes on where it began, by the server's clock", async () => {
  const server = await start(
    (response, taken, request) => {
      response.setHeader("date", "Fri, 27 Nov 2026 08:00:00 GMT");
      return stream([], "break")(response, taken, request);
    },
    stream([changed("a")], "complete"),
  );
  expect(await take(server.url, 9)).toEqual(["a"]);
  expect(server.taken[1]?.request.variables["since"]).toBe("2026-11-27T08:00:00.000Z");
});

test("a server that is away or busy is asked again", async () => {
  const server = await start(
    error("RATE_LIMITED", 429, {}, { "retry-after": "0" }),
    error("UNAVAILABLE", 503, {}, { "retry-after": "0" }),
    stream([wrong("INTERNAL")], "complete"),
    stream([changed("a")], "complete"),
  );
  expect(await take(server.url, 9)).toEqual(["a"]);
  // Nothing was heard before: what changed since it was asked for may be told twice.
  const since = server.taken[1]?.request.variables["since"];
  expect(Date.now() - Date.parse(String(since))).toBeGreaterThan(50_000);
});

test("a fault of the server that stays is thrown, and so is what the caller did wrong", async () => {
  const server = await start(stream([wrong("INTERNAL")], "complete"));
  await expect(take(server.url, 9)).rejects.toMatchObject({ code: "INTERNAL" });
  expect(server.taken).toHaveLength(6);
  server.answer(stream([wrong("NOT_FOUND")], "complete"));
  await expect(take(server.url, 9)).rejects.toThrow(NotFound);
  server.answer(error("BAD_REQUEST", 400));
  await expect(take(server.url, 9)).rejects.toThrow(BadRequest);
});

test("a token that ends is followed by the next one", async () => {
  const server = await start(
    stream([changed("a", T1)], "close"),
    error("UNAUTHENTICATED", 401),
    stream([changed("b", T2)], "close"),
    error("UNAUTHENTICATED", 401),
    stream([changed("c")], "complete"),
  );
  let number = 0;
  expect(await take(server.url, 9, { tokenProvider: () => `t${String((number += 1))}` })).toEqual(["a", "b", "c"]);
  expect(server.taken.map(({ headers }) => headers.authorization?.slice(7))).toEqual(["t1", "t1", "t2", "t2", "t3"]);
  server.answer(error("UNAUTHENTICATED", 401));
  await expect(take(server.url, 9)).rejects.toThrow(Unauthenticated);
});

test("that events are missing is told, and it goes on", async () => {
  const server = await start(stream([gap, changed("a")], "complete"));
  const gaps: unknown[] = [];
  const onGap = (error: CatchUpIncomplete) => {
    gaps.push(error);
  };
  expect(await take(server.url, 9, { onGap })).toEqual(["a"]);
  expect(gaps).toEqual([expect.any(CatchUpIncomplete)]);
  await expect(take(server.url, 9)).rejects.toThrow(CatchUpIncomplete);

  // A document that can't catch up has a gap at each break.
  server.answer(stream([changed("b")], "close"), stream([changed("c")], "complete"));
  const document = "subscription { failureChanged { id } }";
  const events = new Trestle({ url: server.url, retry: { baseMs: 5 } }).subscribe(document, {}, { onGap });
  const seen = [];
  for await (const event of events) seen.push(event);
  expect(seen).toHaveLength(2);
  expect(gaps).toHaveLength(2);
  expect(server.taken.at(-1)?.request.variables).toEqual({});
});

test("a connection on which nothing comes is given up", async () => {
  const server = await start(silent, stream([changed("a", T1)], "stay"), stream([changed("b")], "complete"));
  const reasons: string[] = [];
  const onReconnect = ({ message }: Error) => reasons.push(message);
  expect(await take(server.url, 9, { silence: 500, onReconnect })).toEqual(["a", "b"]);
  expect(reasons).toEqual(["Nothing came for 500 ms.", "Nothing came for 500 ms."]);
});

test("who leaves the loop, or aborts, closes the connection", async () => {
  const closed: Promise<unknown>[] = [];
  const server = await start((response, taken, request) => {
    closed.push(once(response, "close"));
    return stream([changed("a"), changed("b")], "stay")(response, taken, request);
  });
  expect(await take(server.url, 1)).toEqual(["a"]);
  const reason = new Error("the page was left");
  const control = new AbortController();
  const trestle = new Trestle({ url: server.url });
  const events = trestle.subscribe(FailureChangedDocument, {}, { signal: control.signal });
  await events.next();
  await events.next();
  const third = events.next();
  control.abort(reason);
  await expect(third).rejects.toBe(reason);
  await Promise.all(closed);
  expect(closed).toHaveLength(2);
});

test("a reader who is slow misses nothing, and holds no more than a bound", async () => {
  const many = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => changed(String(from + index), String(from + index)));
  let closed: Promise<unknown> | undefined;
  const server = await start(
    (response, taken, request) => {
      closed = once(response, "close");
      return stream(many(0, 3_000), "stay")(response, taken, request);
    },
    (response, taken, request) => {
      const next = Number(taken.request.variables["since"]) + 1;
      return stream(many(next, 1_500 - next), "complete")(response, taken, request);
    },
  );
  const trestle = new Trestle({ url: server.url, retry: { baseMs: 5 } });
  const ids: number[] = [];
  for await (const { failureChanged } of trestle.subscribe(FailureChangedDocument, {})) {
    if (ids.length === 0) await closed;
    ids.push(Number(failureChanged.id));
  }
  expect(ids).toEqual(Array.from({ length: 1_500 }, (_, index) => index));
  expect(server.taken).toHaveLength(2);
});

test("a server that is started again is found again", async () => {
  const first = await start(stream([changed("a", T1)], "stay"));
  const port = Number(new URL(first.url).port);
  const trestle = new Trestle({ url: first.url, retry: { baseMs: 20, maximumMs: 50 } });
  const events = trestle.subscribe(RunChangedDocument, { integrationId: "integration_1" });
  await events.next();
  await first.stop();
  const next = events.next();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const second = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(`event: next\ndata: {"data":{"runChanged":{"id":"run_1"}}}\n\nevent: complete\ndata:\n\n`);
  }).listen(port, "127.0.0.1");
  await once(second, "listening");
  expect((second.address() as AddressInfo).port).toBe(port);
  expect((await next).value).toEqual({ runChanged: { id: "run_1" } });
  second.closeAllConnections();
  second.close();
});

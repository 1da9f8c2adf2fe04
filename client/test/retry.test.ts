import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

import { expect, test, vi } from "vitest";

import { CancelRunDocument, NetworkError, RateLimited, StartRunDocument, Trestle, Unavailable } from "../src/index.js";
import { RetryPolicy } from "../src/retry.js";
import { broken, data, error, silent, start, type Taken } from "./server.js";

const QUERY = "{ viewer { role } }";
const quick = { baseMs: 5 };
const started = data({ startRun: { run: { id: "run_1" }, userErrors: [] } });
const canceled = data({ cancelRun: { run: { id: "run_1" }, userErrors: [] } });
const keyOf = ({ request }: Taken) => (request.variables["input"] as { idempotencyKey?: string }).idempotencyKey;

test("a query is asked again when its answer was lost, or the server was busy", async () => {
  const busy = error("UNAVAILABLE", 503, {}, { "retry-after": "0" });
  const server = await start(broken, busy, error("RATE_LIMITED", 429, { retryAfterSeconds: 0 }), data({ a: 1 }));
  expect(await new Trestle({ url: server.url, retry: quick }).query(QUERY)).toEqual({ a: 1 });
  expect(server.taken).toHaveLength(4);
});

test("it waits for as long as the server says, and gives up where that is too long", async () => {
  const server = await start(error("RATE_LIMITED", 429, {}, { "retry-after": "1" }), data({}));
  const began = Date.now();
  await new Trestle({ url: server.url, retry: quick }).query(QUERY);
  expect(Date.now() - began).toBeGreaterThanOrEqual(990);

  server.answer(error("RATE_LIMITED", 429, {}, { "retry-after": "3600" }));
  const asked = new Trestle({ url: server.url }).query(QUERY);
  await expect(asked).rejects.toThrow(RateLimited);
  expect(server.taken).toHaveLength(3);
});

test("it is not asked for ever, nor again for what does not pass", async () => {
  const server = await start(broken);
  await expect(new Trestle({ url: server.url, retry: { ...quick, attempts: 3 } }).query(QUERY)).rejects.toThrow(
    NetworkError,
  );
  expect(server.taken).toHaveLength(3);
  await expect(new Trestle({ url: server.url, retry: false }).query(QUERY)).rejects.toThrow(NetworkError);
  expect(server.taken).toHaveLength(4);
  server.answer(error("INTERNAL", 500));
  await expect(new Trestle({ url: server.url, retry: quick }).query(QUERY)).rejects.toMatchObject({ code: "INTERNAL" });
  expect(server.taken).toHaveLength(5);
});

test("a mutation with a key is sent again with the same one when its answer was lost", async () => {
  const server = await start(broken, error("UNAVAILABLE", 200), started);
  const trestle = new Trestle({ url: server.url, retry: quick });
  const input = { integrationId: "integration_1" };
  const done = await trestle.mutate(StartRunDocument, { input });
  expect(done.startRun.run.id).toBe("run_1");
  const keys = server.taken.map(keyOf);
  expect(keys).toHaveLength(3);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(keys).size).toBe(1);
  expect(input).toEqual({ integrationId: "integration_1" });

  await trestle.mutate(StartRunDocument, { input });
  expect(keyOf(server.taken[3]!)).not.toBe(keys[0]);
  await trestle.startRun("integration_1", { idempotencyKey: "mine" });
  expect(keyOf(server.taken[4]!)).toBe("mine");
});

test("a key that the document spells out is filled in, too", async () => {
  const server = await start(broken, data({ startRun: { run: null, userErrors: [] } }));
  const document = `mutation($id: ID!, $key: String) {
    startRun(input: {integrationId: $id, idempotencyKey: $key}) { run { id } userErrors { code field message } }
  }`;
  await new Trestle({ url: server.url, retry: quick }).mutate(document, { id: "integration_1" });
  expect(server.taken[1]?.request.variables["key"]).toMatch(/^[0-9a-f]{32}$/);
  expect(server.taken[0]?.request.variables).toEqual(server.taken[1]?.request.variables);
});

test("a mutation without a key is sent again only when it certainly was not done", async () => {
  const server = await start(error("RATE_LIMITED", 429, { retryAfterSeconds: 0 }), canceled);
  const trestle = new Trestle({ url: server.url, retry: quick });
  await trestle.cancelRun("run_1");
  expect(server.taken).toHaveLength(2);

  server.answer(broken, canceled);
  await expect(trestle.cancelRun("run_1")).rejects.toThrow(NetworkError);
  server.answer(error("UNAVAILABLE", 200), canceled);
  await expect(trestle.cancelRun("run_1")).rejects.toThrow(Unavailable);
  expect(server.taken).toHaveLength(4);

  // The caller knows that it does no harm.
  server.answer(broken, canceled);
  await trestle.mutate(CancelRunDocument, { input: { runId: "run_1" } }, { isRepeatable: true });
  expect(server.taken).toHaveLength(6);

  // One of two has no key.
  server.answer(broken, data({}));
  const both = `mutation($run: StartRunInput!, $cancel: CancelRunInput!) { ...M cancelRun(input: $cancel) { userErrors { code } } }
    fragment M on Mutation { startRun(input: $run) { userErrors { code } } }`;
  await expect(trestle.mutate(both, { run: { integrationId: "a" }, cancel: { runId: "b" } })).rejects.toThrow(
    NetworkError,
  );
  expect(server.taken).toHaveLength(7);
});

test("a connection that was never made was no request", async () => {
  const server = await start(canceled);
  const nobody = createServer().listen(0, "127.0.0.1");
  await once(nobody, "listening");
  const { port } = nobody.address() as AddressInfo;
  nobody.close();
  let attempts = 0;
  const elsewhere = vi.fn<typeof fetch>((address, init) => {
    attempts += 1;
    return fetch(attempts < 3 ? `http://127.0.0.1:${String(port)}/graphql` : address, init);
  });
  await new Trestle({ url: server.url, retry: quick, fetch: elsewhere }).cancelRun("run_1");
  expect(elsewhere).toHaveBeenCalledTimes(3);
});

test("each attempt has its time", async () => {
  const server = await start(silent, data({ a: 1 }));
  const trestle = new Trestle({ url: server.url, retry: quick, timeout: 500 });
  expect(await trestle.query(QUERY)).toEqual({ a: 1 });
  server.answer(silent);
  await expect(trestle.query(QUERY, {}, { retry: false, timeout: 50 })).rejects.toThrow("within 50 ms");
});

test("its caller ends a request, and the waiting for another one", async () => {
  const server = await start(silent);
  const reason = new Error("the page was left");
  const ask = async () => {
    const control = new AbortController();
    const asked = new Trestle({ url: server.url }).query(QUERY, {}, { signal: control.signal });
    setTimeout(() => {
      control.abort(reason);
    }, 50);
    await expect(asked).rejects.toBe(reason);
  };
  await ask();
  server.answer(error("RATE_LIMITED", 429, { retryAfterSeconds: 20 }));
  await ask();
  expect(server.taken).toHaveLength(2);
});

test("waits are by chance, up to a bound that doubles", () => {
  const policy = new RetryPolicy({ baseMs: 100, maximumMs: 1_000, attempts: 50 });
  for (const [failures, bound] of [
    [1, 100],
    [2, 200],
    [4, 800],
    [9, 1_000],
  ] as const) {
    const waits = Array.from({ length: 2_000 }, () => policy.wait(failures));
    expect(Math.max(...waits)).toBeLessThanOrEqual(bound);
    expect(Math.max(...waits)).toBeGreaterThan(bound * 0.9);
    expect(Math.min(...waits)).toBeLessThan(bound * 0.1);
  }
});

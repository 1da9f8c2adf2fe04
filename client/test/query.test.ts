import { parse } from "graphql";
import { expect, test } from "vitest";

import {
  BadRequest,
  Forbidden,
  InternalError,
  LimitExceeded,
  NotFound,
  RateLimited,
  RunDocument,
  TimedOut,
  Trestle,
  TrestleError,
  Unauthenticated,
  Unavailable,
} from "../src/index.js";
import { data, error, json, start } from "./server.js";

test("a query says who asks, in which language, and gives what was answered", async () => {
  const server = await start(data({ run: null }));
  const trestle = new Trestle({ url: server.url, apiKey: "trk_1", language: "de" });
  expect(await trestle.query(RunDocument, { id: "run_1" })).toEqual({ run: null });
  const [taken] = server.taken;
  expect(taken).toMatchObject({
    method: "POST",
    url: "/graphql",
    headers: { authorization: "Bearer trk_1", "accept-language": "de" },
    request: { variables: { id: "run_1" } },
  });
  expect(taken?.headers.accept).toContain("application/graphql-response+json");
  expect(taken?.request.query).toContain("query Run($id: ID!)");
});

test.each(["", "/", "/graphql", "/graphql/"])("the address of an installation may end in %j", async (end) => {
  const server = await start(data({}));
  await new Trestle({ url: server.url + end }).query("{ viewer { role } }");
  await new Trestle({ url: `${server.url}/trestle${end}` }).query("{ viewer { role } }");
  expect(server.taken.map(({ url }) => url)).toEqual(["/graphql", "/trestle/graphql"]);
  expect(server.taken[0]?.headers.authorization).toBeUndefined();
});

test("a parsed document is sent as text", async () => {
  const server = await start(data({}));
  const parsed = parse("query($id: ID!) { run(id: $id) { id } }", { noLocation: true });
  await new Trestle({ url: server.url }).query(parsed, { id: "run_1" });
  expect(server.taken[0]?.request.query.replace(/\s+/g, " ")).toBe("query ($id: ID!) { run(id: $id) { id } }");
});

test.each([
  ["UNAUTHENTICATED", 401, Unauthenticated],
  ["FORBIDDEN", 403, Forbidden],
  ["NOT_FOUND", 404, NotFound],
  ["RATE_LIMITED", 429, RateLimited],
  ["UNAVAILABLE", 503, Unavailable],
  ["TIMEOUT", 500, TimedOut],
  ["INTERNAL", 500, InternalError],
  ["BAD_USER_INPUT", 400, BadRequest],
  ["GRAPHQL_VALIDATION_FAILED", 400, BadRequest],
  ["LIMIT_EXCEEDED", 400, LimitExceeded],
  ["OPERATION_NOT_TRUSTED", 403, Forbidden],
  ["SOMETHING_NEW", 400, BadRequest],
  ["SOMETHING_ELSE", 418, TrestleError],
])("%s is an error of its own, with the request's id", async (code, status, kind) => {
  const server = await start(error(code, status));
  const asked = new Trestle({ url: server.url, retry: false }).query("{ viewer { role } }");
  const thrown: unknown = await asked.catch((thrown: unknown) => thrown);
  expect(thrown).toBeInstanceOf(kind);
  expect(thrown).toMatchObject({ code, status, requestId: "request-1", message: `It is ${code}.` });
});

test("errors say what more is known", async () => {
  const server = await start(
    error("FORBIDDEN", 200, { permission: "failures:retry" }),
    error("LIMIT_EXCEEDED", 400, { limit: "cost", maximum: 20_000 }),
    error("RATE_LIMITED", 429, { retryAfterSeconds: 7 }),
    error("RATE_LIMITED", 429, {}, { "retry-after": "8" }),
  );
  const ask = () => new Trestle({ url: server.url, retry: false }).query("{ viewer { role } }");
  await expect(ask()).rejects.toMatchObject({ permission: "failures:retry" });
  await expect(ask()).rejects.toMatchObject({ limit: "cost", maximum: 20_000 });
  await expect(ask()).rejects.toMatchObject({ retryAfter: 7 });
  await expect(ask()).rejects.toMatchObject({ retryAfter: 8 });
});

test("what was answered beside an error is in it", async () => {
  const errors = [{ message: "No.", path: ["run", "logs"], extensions: { code: "FORBIDDEN" } }];
  const server = await start(json({ data: { run: { id: "run_1" }, other: null }, errors }));
  const asked = new Trestle({ url: server.url }).query("{ run { id } other }");
  await expect(asked).rejects.toMatchObject({ data: { run: { id: "run_1" }, other: null }, errors });
});

test("what something in between answers is told by its status", async () => {
  const server = await start((response) => {
    response.writeHead(502, { "content-type": "text/html" });
    response.end("<h1>Bad Gateway</h1>");
  });
  const asked = new Trestle({ url: server.url, retry: false }).query("{ viewer { role } }");
  await expect(asked).rejects.toThrow(Unavailable);
  server.answer((response) => response.end("Welcome to the portal"));
  const other = new Trestle({ url: server.url }).query("{ viewer { role } }");
  await expect(other).rejects.toMatchObject({ code: "UNEXPECTED", status: 200 });
});

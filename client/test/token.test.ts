import { expect, test } from "vitest";

import { PersonSession, Trestle, Unauthenticated, UserErrors } from "../src/index.js";
import { type Answer, data, error, json, start } from "./server.js";

const QUERY = "{ viewer { role } }";
/** Takes these tokens only. */
const taking =
  (good: Set<string>): Answer =>
  (response, taken, request) =>
    good.has((taken.headers.authorization ?? "").slice("Bearer ".length))
      ? data({ viewer: { role: "PORTAL" } })(response, taken, request)
      : error("UNAUTHENTICATED", 401)(response, taken, request);

test("many requests share one call of the provider, and a token that is refused is replaced once", async () => {
  const good = new Set(["token 1"]);
  const server = await start(taking(good));
  const asked: (string | undefined)[] = [];
  const tokenProvider = async (refused?: string) => {
    asked.push(refused);
    await new Promise((resolve) => setTimeout(resolve, 10));
    return `token ${String(asked.length)}`;
  };
  const trestle = new Trestle({ url: server.url, tokenProvider });
  await Promise.all([1, 2, 3].map(() => trestle.query(QUERY)));
  expect(asked).toEqual([undefined]);
  good.clear();
  good.add("token 2");
  await Promise.all([1, 2, 3].map(() => trestle.query(QUERY)));
  expect(asked).toEqual([undefined, "token 1"]);
});

test("who has no other token is told", async () => {
  const server = await start(taking(new Set()));
  await expect(new Trestle({ url: server.url, tokenProvider: () => "bad" }).query(QUERY)).rejects.toThrow(
    Unauthenticated,
  );
  await expect(new Trestle({ url: server.url, apiKey: "bad" }).query(QUERY)).rejects.toThrow(Unauthenticated);
  expect(server.taken).toHaveLength(2);
  let number = 0;
  const others = new Trestle({ url: server.url, tokenProvider: () => `bad ${String((number += 1))}` });
  await expect(others.query(QUERY)).rejects.toThrow(Unauthenticated);
  expect(server.taken).toHaveLength(4);
});

test("a provider that fails is asked again by the next request", async () => {
  const server = await start(taking(new Set(["good"])));
  let fails = true;
  const tokenProvider = () => {
    if (fails) throw new Error("the backend is away");
    return "good";
  };
  const trestle = new Trestle({ url: server.url, tokenProvider });
  await expect(trestle.query(QUERY)).rejects.toThrow("the backend is away");
  fails = false;
  await trestle.query(QUERY);
});

test("somebody signs in with a second factor, is renewed, and signs in again when that fails", async () => {
  const refusedSignIn = { code: "SECOND_FACTOR_REQUIRED", field: ["code"], message: "A code is missing." };
  const pair = (number: number) => ({
    accessToken: `access ${String(number)}`,
    refreshToken: `refresh ${String(number)}`,
    userErrors: [],
  });
  let number = 0;
  let refreshes = true;
  const good = new Set<string>();
  const next = () => {
    number += 1;
    good.clear();
    good.add(`access ${String(number)}`);
    return pair(number);
  };
  const server = await start((response, taken, request) => {
    const { query, variables } = taken.request;
    const input = variables["input"] as Record<string, string> | undefined;
    const said: Answer = query.includes("signIn(")
      ? data({
          signIn: input?.["code"] ? next() : { accessToken: null, refreshToken: null, userErrors: [refusedSignIn] },
        })
      : query.includes("refreshSession(")
        ? refreshes
          ? data({ refreshSession: next() })
          : json({ data: { refreshSession: { accessToken: null, refreshToken: null, userErrors: [refusedSignIn] } } })
        : query.includes("signOut")
          ? data({ signOut: { userErrors: [] } })
          : taking(good);
    return said(response, taken, request);
  });
  const credentials = { url: server.url, email: "ada@example.com", password: "plums on a tall ship" };
  const session = new PersonSession({ ...credentials, code: () => "123456" });
  const trestle = new Trestle({ url: server.url, tokenProvider: session.tokenProvider });
  const asked = () =>
    server.taken.splice(0).map(({ request }) => /signIn\(|refreshSession\(|signOut|viewer/.exec(request.query)?.[0]);
  await trestle.query(QUERY);
  expect(asked()).toEqual(["signIn(", "signIn(", "viewer"]);
  good.clear();
  await trestle.query(QUERY);
  expect(server.taken[1]?.request.variables).toEqual({ input: { refreshToken: "refresh 1" } });
  expect(asked()).toEqual(["viewer", "refreshSession(", "viewer"]);
  good.clear();
  refreshes = false;
  await trestle.query(QUERY);
  expect(asked()).toEqual(["viewer", "refreshSession(", "signIn(", "signIn(", "viewer"]);
  await session.signOut();
  expect(server.taken[0]?.headers.authorization).toBe("Bearer access 3");
  await expect(new PersonSession(credentials).tokenProvider()).rejects.toThrow(UserErrors);
});

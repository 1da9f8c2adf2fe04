import { expect, test } from "vitest";
import { ElementSession } from "./ElementSession";

const tokenUntil = (seconds: number) => `head.${btoa(JSON.stringify({ exp: seconds }))}.signature`;

test("a token that was asked for goes on with the session; any other is somebody else's", async () => {
  const session: ElementSession = new ElementSession("first", () => session.given());
  expect(session.take("first")).toBe(true);
  expect(session.take("other")).toBe(false);
  const renewed = session.renew();
  expect(session.take("second")).toBe(true);
  expect(await renewed).toBe("second");
  expect(session.token()).toBe("second");
  expect(session.take("third")).toBe(false);
});

test("a token is renewed ahead of its end, which it says itself", () => {
  const now = Date.now() / 1_000;
  const ask = () => Promise.resolve(null);
  expect(new ElementSession(tokenUntil(now + 600), ask).isStale()).toBe(false);
  expect(new ElementSession(tokenUntil(now + 20), ask).isStale()).toBe(true);
  expect(new ElementSession(null, ask).isStale()).toBe(true);
  expect(new ElementSession("opaque", ask).isStale()).toBe(false);
});

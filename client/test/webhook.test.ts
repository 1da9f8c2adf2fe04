import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";

import { verifyWebhook, WebhookRefused } from "../src/index.js";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr";
const OTHER = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
const BODY = JSON.stringify({
  type: "run.failed",
  timestamp: "2026-11-26T09:00:00Z",
  data: { noticeId: "notice_1", title: "Orders: a run could not go on – “now”" },
});

function headersOf(body: string, secret = SECRET, at = new Date()) {
  return {
    "webhook-id": "notice_1",
    "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
    "webhook-signature": new Webhook(secret).sign("notice_1", at, body),
  };
}

test("a notice is taken with headers of any kind, as text or as bytes", () => {
  const headers = headersOf(BODY);
  for (const form of [
    headers,
    new Headers(headers),
    { "Webhook-Id": headers["webhook-id"], ...headers, host: undefined },
  ]) {
    expect(verifyWebhook(BODY, form, SECRET)).toMatchObject({ type: "run.failed", data: { noticeId: "notice_1" } });
    expect(verifyWebhook(new TextEncoder().encode(BODY), form, SECRET).type).toBe("run.failed");
    expect(verifyWebhook(Buffer.from(BODY), form, SECRET).type).toBe("run.failed");
  }
});

test("while a secret is changed, both are taken", () => {
  expect(verifyWebhook(BODY, headersOf(BODY), [OTHER, SECRET]).type).toBe("run.failed");
});

test.each([
  ["another secret", BODY, headersOf(BODY, OTHER)],
  ["another body", BODY.replace("failed", "FAILED"), headersOf(BODY)],
  ["an old one", BODY, headersOf(BODY, SECRET, new Date(Date.now() - 600_000))],
  ["one that is not signed", BODY, {}],
  ["no JSON", "{", headersOf("{")],
])("%s is refused", (_what, body, headers) => {
  expect(() => verifyWebhook(body, headers, SECRET)).toThrow(WebhookRefused);
});

test("without a secret nothing is taken", () => {
  expect(() => verifyWebhook(BODY, headersOf(BODY), [])).toThrow(WebhookRefused);
});

import { expect, test } from "vitest";

import { EditAndRetryFailureDocument, Trestle, UserErrors, userErrorsOf } from "../src/index.js";
import { data, start } from "./server.js";

const INPUT = { failureId: "failure_1", record: { amount: "-5", lines: [{ sku: "" }] } };
const wrong = [
  { code: "INVALID", field: ["record", "amount"], message: "must be at least 0" },
  { code: "REQUIRED", field: ["record", "lines", "0", "sku"], message: "is missing" },
  { code: "CONFLICT", field: null, message: "It is being retried." },
];

test("what was refused is thrown, each with its place in the input", async () => {
  const server = await start(data({ editAndRetryFailure: { retry: null, userErrors: wrong } }));
  const edited = new Trestle({ url: server.url }).editAndRetryFailure(INPUT);
  const thrown: unknown = await edited.catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(UserErrors);
  const errors = userErrorsOf(thrown, EditAndRetryFailureDocument);
  expect(errors).toMatchObject({ code: "USER_ERRORS", mutation: "editAndRetryFailure", requestId: "request-1" });
  expect(errors?.message).toBe(
    "record.amount: must be at least 0\nrecord.lines.0.sku: is missing\nIt is being retried.",
  );
  expect(errors?.of("record")).toEqual(wrong.slice(0, 2));
  expect(errors?.of("record.lines.0")).toEqual([wrong[1]]);
  expect(errors?.of("failureId")).toEqual([]);
  expect(errors?.ofTheWhole).toEqual([wrong[2]]);
  expect([errors?.has("CONFLICT"), errors?.has("NOT_FOUND")]).toEqual([true, false]);
});

test("of several mutations it says which one was refused", async () => {
  const server = await start(data({ a: { userErrors: [] }, b: { userErrors: wrong.slice(2) } }));
  const document = "mutation { a: signOut { userErrors { code } } b: signOut { userErrors { code } } }";
  await expect(new Trestle({ url: server.url }).mutate(document)).rejects.toMatchObject({ mutation: "b" });
});

test("another error is no user error", () => {
  expect(userErrorsOf(new Error("else"), EditAndRetryFailureDocument)).toBeUndefined();
});

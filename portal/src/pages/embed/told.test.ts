import { Client, fetchExchange } from "@urql/core";
import { parse } from "graphql";
import { expect, test, vi } from "vitest";
import { telling } from "./told";

const RETRY = parse("mutation Retry { retryFailures { retry { id } userErrors { message } } }");

function clientThatAnswers(data: unknown, tell: (name: string, detail: object) => void): Client {
  const fetch = () => Promise.resolve(new Response(JSON.stringify({ data }), { headers: { "content-type": "application/json" } }));
  return new Client({ url: "https://trestle.example/graphql", preferGetMethod: false, fetch, exchanges: [telling(tell), fetchExchange] });
}

test("what was done is told under its name, what was refused is not", async () => {
  const tell = vi.fn();
  const payload = { retry: { id: "retry_1" }, userErrors: [] };
  await clientThatAnswers({ retryFailures: payload }, tell).mutation(RETRY, {}).toPromise();
  expect(tell).toHaveBeenCalledExactlyOnceWith("retried", { mutation: "retryFailures", payload });
  tell.mockClear();
  await clientThatAnswers({ retryFailures: { retry: null, userErrors: [{ message: "No" }] } }, tell).mutation(RETRY, {}).toPromise();
  expect(tell).not.toHaveBeenCalled();
});

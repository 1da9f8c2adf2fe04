import { expect, test } from "vitest";

import { FailuresOfRunDocument, NotFound, RunsDocument, Trestle } from "../src/index.js";
import { type Answer, data, start } from "./server.js";

/** Pages of two, up to seven. */
const numbers: Answer = (response, taken, request) => {
  const from = Number(taken.request.variables["after"] ?? 0);
  const nodes = [1, 2].map((step) => from + step).filter((number) => number <= 7);
  const page = {
    edges: nodes.map((number) => ({ node: { id: `run_${String(number)}` } })),
    pageInfo: { hasNextPage: from + 2 < 7, endCursor: String(from + 2) },
  };
  return data({ runs: page })(response, taken, request);
};

test("nodes come from all pages, and none is asked for before it is needed", async () => {
  const server = await start(numbers);
  const ids: string[] = [];
  const asked: number[] = [];
  for await (const run of new Trestle({ url: server.url }).runs({ filter: { status: ["FAILED"] } })) {
    ids.push(run.id);
    asked.push(server.taken.length);
  }
  expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7].map((number) => `run_${String(number)}`));
  expect(asked).toEqual([1, 1, 2, 2, 3, 3, 4]);
  expect(server.taken.map(({ request }) => request.variables["after"])).toEqual([undefined, "2", "4", "6"]);
  expect(server.taken[3]?.request.variables["filter"]).toEqual({ status: ["FAILED"] });
});

test("who leaves asks for nothing more", async () => {
  const server = await start(numbers);
  for await (const run of new Trestle({ url: server.url }).runs()) if (run.id === "run_3") break;
  expect(server.taken).toHaveLength(2);
});

test("pages can be had as they are, from a cursor on", async () => {
  const server = await start(numbers);
  const sizes: number[] = [];
  for await (const page of new Trestle({ url: server.url }).pages(RunsDocument, { after: "4" }, "runs")) {
    sizes.push(page.edges.length);
  }
  expect(sizes).toEqual([2, 1]);
});

test("a connection of what is not there is not found", async () => {
  const server = await start(data({ run: null }));
  const failures = new Trestle({ url: server.url }).nodes(FailuresOfRunDocument, { runId: "run_1" }, "run.failures");
  await expect(failures.next()).rejects.toThrow(NotFound);
});

test("a document that can't be paged through does not go round in circles", async () => {
  const page = { edges: [], pageInfo: { hasNextPage: true, endCursor: "1" } };
  const server = await start(data({ runs: page }));
  const trestle = new Trestle({ url: server.url });
  const read = async () => {
    for await (const _run of trestle.runs()) expect.unreachable();
  };
  await expect(read()).rejects.toMatchObject({ code: "SAME_PAGE" });
  server.answer(data({ runs: { edges: [], pageInfo: { hasNextPage: true } } }));
  await expect(read()).rejects.toMatchObject({ code: "NO_CURSOR" });
  server.answer(data({ others: page }));
  await expect(read()).rejects.toMatchObject({ code: "NOT_SELECTED" });
});

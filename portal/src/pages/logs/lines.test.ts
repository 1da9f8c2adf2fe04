import { expect, test } from "vitest";
import { linesOf } from "./lines";
import type { RunWithLines } from "./runsWithLines";

const run: RunWithLines = {
  id: "run_1",
  status: "FAILED",
  trigger: "SCHEDULE",
  queuedAt: "2026-11-27T10:00:00Z",
  integration: { id: "integration_1", name: "Orders", tenant: { id: "tenant_1", name: "Acme" } },
  events: {
    edges: [
      { node: { id: "e1", at: "2026-11-27T10:00:01Z", type: "run.started", audience: "CUSTOMER", component: "worker", message: "begun", attributes: {} } },
      { node: { id: "e2", at: "2026-11-27T10:00:05Z", type: "source.page_read", audience: "ENGINEER", component: "source", message: "100 records", attributes: {} } },
    ],
  },
  logs: {
    edges: [
      { cursor: "c1", node: { at: "2026-11-27T10:00:03Z", level: "WARN", component: "connector::http", message: "slow answer", attributes: {} } },
    ],
  },
};
const all = { layer: null, search: null, component: null, level: null };

test("events and log are one, in their order", () => {
  expect(linesOf(run, all).map(({ id }) => id)).toEqual(["e1", "c1", "e2"]);
});

test("a layer, words and a component sift events; a level is of the log alone", () => {
  expect(linesOf({ ...run, logs: undefined }, { ...all, layer: "ENGINEER" }).map(({ id }) => id)).toEqual(["e2"]);
  expect(linesOf({ ...run, logs: undefined }, { ...all, search: "STARTED" }).map(({ id }) => id)).toEqual(["e1"]);
  expect(linesOf({ ...run, logs: undefined }, { ...all, component: "source" }).map(({ id }) => id)).toEqual(["e2"]);
  expect(linesOf(run, { ...all, level: "WARN" }).map(({ id }) => id)).toEqual(["c1"]);
});

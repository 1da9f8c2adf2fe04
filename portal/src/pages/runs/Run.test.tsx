import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Run from "./Run";

const run = (changes: object = {}) => ({
  run: {
    id: "run_1",
    status: "PARTIAL",
    trigger: "MANUAL",
    triggeredBy: "Ann",
    queuedAt: "2026-11-27T08:00:00Z",
    startedAt: "2026-11-27T08:00:01Z",
    finishedAt: "2026-11-27T08:00:09Z",
    durationMs: 8_000,
    nextAttemptAt: null,
    wait: null,
    counts: { read: 10, created: 7, updated: 0, unchanged: 0, skipped: 0, failed: 3, deleted: 0, unaccounted: 0 },
    integration: { id: "int_1", name: "Orders" },
    tenant: { id: "ten_1", name: "Acme Stores" },
    retryOf: null,
    backfill: null,
    reconciliation: null,
    failure: null,
    slices: { edges: [] },
    ...changes,
  },
});

const events = {
  run: {
    id: "run_1",
    events: {
      edges: [
        {
          cursor: "c1",
          node: {
            at: "2026-11-27T08:00:01Z",
            type: "run.started",
            audience: "CUSTOMER",
            component: "worker",
            businessReference: null,
            message: "The run started.",
            attributes: {},
          },
        },
      ],
      pageInfo: { hasNextPage: false },
    },
  },
};

const page = { at: "/runs/run_1", route: "/runs/:id" };

test("what became of the records is in words, and those that failed lead on", async () => {
  renderPage(<Run />, { ...page, permissions: ["runs:read", "failures:read"], answers: { RunOfPage: run(), RunEvents: events } });
  expect(await screen.findByRole("heading", { level: 1, name: /Partly failed/ })).toBeTruthy();
  expect(screen.getByRole("link", { name: "failed" }).getAttribute("href")).toBe("/runs/run_1?tab=failures");
});

test("a run of somebody else is not found", async () => {
  renderPage(<Run />, { ...page, permissions: ["runs:read"], answers: { RunOfPage: { run: null }, RunEvents: { run: null } } });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});

test("who may not start runs can't retry one", async () => {
  renderPage(<Run />, { ...page, permissions: ["runs:read"], answers: { RunOfPage: run(), RunEvents: events } });
  await screen.findByRole("heading", { level: 1, name: /Partly failed/ });
  expect(screen.queryByRole("button", { name: "Retry" })).toBeNull();
});

test("a retry takes the records that failed, unless one says otherwise", async () => {
  const { asked } = renderPage(<Run />, {
    ...page,
    permissions: ["runs:read", "runs:start"],
    answers: { RunOfPage: run(), RunEvents: events, RetryRun: { retryRun: { run: { id: "run_2" }, userErrors: [] } } },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Retry" }));
  const dialog = await screen.findByRole("dialog", { name: "Retry this run" });
  const button = Array.from(dialog.querySelectorAll("button")).find(({ textContent }) => textContent === "Retry");
  if (button) await userEvent.click(button);
  const sent = asked.find(({ name }) => name === "RetryRun");
  expect(sent?.variables).toMatchObject({ input: { runId: "run_1", scope: "FAILED_RECORDS" } });
  await waitFor(() => expect(asked.filter(({ name }) => name === "RunOfPage").at(-1)?.variables?.id).toBe("run_2"));
});

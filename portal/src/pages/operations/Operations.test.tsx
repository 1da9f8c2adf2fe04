import { screen } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { renderPage } from "@/test/render";
import { QueueCard } from "./QueueCard";
import { ReadinessCard } from "./ReadinessCard";
import { WorkersCard } from "./WorkersCard";

const answers: Record<string, string> = {
  "/readyz": `{"status":"degraded","checks":{"database":"ok","dispatch":"stalled"},"reason":"no worker claims"}`,
  "/metrics": "trestle_workers 0\ntrestle_worker_slots_free 0\ntrestle_dispatch_due_jobs 3\ntrestle_dispatch_oldest_due_run_age_seconds 90\n",
};

beforeEach(() => {
  vi.stubGlobal("fetch", (path: string) => Promise.resolve(new Response(answers[path] ?? "", { status: 200 })));
});

test("what is wrong with the installation is told with its reason", async () => {
  renderPage(<ReadinessCard />);
  expect(await screen.findByText("no worker claims")).toBeTruthy();
  expect(screen.getByText("Stalled")).toBeTruthy();
});

test("that there is no worker is said aloud, with what waits", async () => {
  renderPage(<WorkersCard />);
  expect((await screen.findByRole("alert")).textContent).toContain("nothing runs");
  expect(screen.getByText("Jobs due").parentElement?.textContent).toContain("3");
});

test("runs that wait are counted by what they wait for", async () => {
  const run = (id: string) => ({
    node: {
      id,
      status: "QUEUED",
      trigger: "SCHEDULE",
      queuedAt: "2026-11-27T10:00:00Z",
      startedAt: null,
      nextAttemptAt: null,
      wait: { reason: "WORKER", message: "a worker that is free" },
      integration: { id: "integration_1", name: "Orders", tenant: { id: "tenant_1", name: "Acme" } },
    },
  });
  renderPage(<QueueCard />, {
    answers: { QueuedRuns: { runs: { edges: [run("run_1"), run("run_2")], pageInfo: { hasNextPage: false, endCursor: null } } } },
  });
  expect(await screen.findByText("2 for a worker")).toBeTruthy();
});

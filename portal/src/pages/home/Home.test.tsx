import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Home from "./Home";

const counts = { succeeded: 10, partial: 1, failed: 0, canceled: 0 };
const records = { read: 1_200, created: 900, updated: 200, unchanged: 90, skipped: 0, failed: 10 };
const health = {
  status: "ACTION_REQUIRED",
  integrations: [
    { status: "ACTION_REQUIRED", integrations: 1 },
    { status: "HEALTHY", integrations: 2 },
  ],
  metrics: { runSuccessPercent: 90.9, recordSuccessPercent: 99.2, runs: counts, records },
  series: [],
};
const page = { hasNextPage: false, endCursor: null };
const urgent = {
  id: "grp_1",
  summary: "Three purchase orders have no currency.",
  status: "NEW",
  impact: "HIGH",
  failureCount: 3,
  lastSeenAt: "2026-11-27T10:00:00Z",
  tenant: { id: "ten_1", name: "Acme Stores" },
  integration: { id: "int_1", name: "ERP to shop" },
};
const answers = {
  HomeHealthOfTenant: { tenant: { id: "ten_1", health } },
  HomeHealthOfAll: { platformHealth: health },
  InboxCounts: { inboxCounts: { critical: 0, high: 1, medium: 2, low: 0 } },
  HomeInbox: { inbox: { edges: [{ node: urgent }] } },
  HomeUrgentGroups: { failureGroups: { edges: [{ node: urgent }] } },
  HomeIncidents: { incidents: { edges: [] } },
  RunningNow: { runs: { edges: [], pageInfo: page } },
  RecentRuns: { runs: { edges: [] } },
  Integrations: { integrations: { edges: [], pageInfo: page } },
};

test("a customer sees what needs them, their lights and what runs", async () => {
  renderPage(<Home />, { permissions: ["failures:read", "runs:read", "integrations:read", "incidents:read"], answers });
  expect(await screen.findByRole("link", { name: "Three purchase orders have no currency." })).toBeTruthy();
  expect(await screen.findByText("99.2%")).toBeTruthy();
  expect(screen.getByRole("link", { name: "1 Action required" }).getAttribute("href")).toBe("/integrations?health=ACTION_REQUIRED");
  expect(screen.getByText("Nothing is running")).toBeTruthy();
  expect(screen.queryByText("No incident is under way")).toBeNull();
});

test("staff see the most urgent of all tenants, and incidents", async () => {
  renderPage(<Home />, {
    viewer: { role: "SUPPORT", tenant: null },
    permissions: ["failures:read", "runs:read", "integrations:read", "incidents:read", "diagnostics:read"],
    answers,
  });
  expect(await screen.findByText("Most urgent")).toBeTruthy();
  expect(await screen.findByText(/Acme Stores · ERP to shop/)).toBeTruthy();
  expect(await screen.findByText("No incident is under way")).toBeTruthy();
});

test("nothing is asked for that one may not read", async () => {
  const { asked } = renderPage(<Home />, { answers: {} });
  expect(await screen.findByRole("heading", { name: "Home" })).toBeTruthy();
  expect(asked).toEqual([]);
});

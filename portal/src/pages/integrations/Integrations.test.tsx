import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Integrations from "./Integrations";

const health = (status: string, changes: object = {}) => ({
  status,
  since: "2026-11-27T08:00:00Z",
  reasons: [],
  freshness: { newestSuccessAt: "2026-11-27T08:00:00Z", ageSeconds: 60, lateAt: null, isLate: false },
  lastRun: null,
  metrics: {
    runSuccessPercent: 98.5,
    recordSuccessPercent: 99,
    runs: { succeeded: 9, partial: 1, failed: 0, canceled: 0 },
    records: { read: 1_200, failed: 3 },
  },
  ...changes,
});

const integration = (id: string, name: string, status: string, changes?: object) => ({
  node: {
    id,
    name,
    status: "ACTIVE",
    tenant: { id: "ten_1", name: "Acme Stores" },
    source: { id: "sys_1", name: "Shop" },
    destination: { id: "sys_2", name: "Warehouse" },
    health: health(status, changes),
  },
});

const list = (...edges: unknown[]) => ({ integrations: { edges, pageInfo: { hasNextPage: false, endCursor: null } } });
const permissions = ["integrations:read", "runs:read", "systems:read"] as const;

test("the board has a light for each integration, under its status in words", async () => {
  renderPage(<Integrations />, {
    at: "/integrations?view=board",
    permissions,
    answers: { Integrations: list(integration("int_1", "Orders", "FAILING"), integration("int_2", "Stock", "HEALTHY")) },
  });
  const failing = await screen.findByRole("region", { name: /Failing/ });
  expect(within(failing).getByRole("link", { name: "Orders" }).getAttribute("href")).toBe("/integrations/int_1");
  expect(within(screen.getByRole("region", { name: /Healthy/ })).getByRole("link", { name: "Stock" })).toBeTruthy();
});

test("they are asked for by health, the worst first, of the own tenant", async () => {
  const { asked } = renderPage(<Integrations />, { at: "/integrations?view=board", permissions, answers: { Integrations: list(integration("int_1", "Orders", "HEALTHY")) } });
  await screen.findByRole("link", { name: "Orders" });
  expect(asked[0]?.variables).toMatchObject({ filter: { tenantId: "ten_1" }, orderBy: { field: "HEALTH", direction: "DESC" } });
});

test("without any, one who may is led to the first", async () => {
  renderPage(<Integrations />, { permissions: [...permissions, "integrations:write"], answers: { Integrations: list() } });
  expect(await screen.findByText("No integrations yet")).toBeTruthy();
  expect(screen.getAllByRole("link", { name: "New integration" })[0]?.getAttribute("href")).toBe("/integrations/new");
});

test("who may not make one is offered none", async () => {
  renderPage(<Integrations />, { permissions, answers: { Integrations: list() } });
  await screen.findByText("No integrations yet");
  expect(screen.queryByRole("link", { name: "New integration" })).toBeNull();
});

test("a search that finds nothing says so", async () => {
  renderPage(<Integrations />, { permissions, answers: { Integrations: list() } });
  await screen.findByText("No integrations yet");
  await userEvent.type(screen.getByRole("searchbox", { name: "Search by name" }), "nothing");
  expect(await screen.findByText("Nothing fits")).toBeTruthy();
});

import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Integration from "./Integration";

const stream = {
  name: "orders",
  mode: "FULL",
  keyFields: ["number"],
  cursorField: null,
  source: { path: "in/orders.csv" },
  destination: {},
  mapping: ".total = to_float!(.total)",
  recordSchema: null,
  overlap: null,
  onSchemaChange: "CONTINUE",
  deletions: null,
  quality: { maxFailedPercent: 5, minRecords: 100, unique: [], references: [], tableReferences: [], nullRates: [], volume: null },
  impact: { base: "MEDIUM", valueField: null, rules: [] },
  schema: null,
};

const integration = (changes: object = {}) => ({
  integration: {
    id: "int_1",
    name: "Orders",
    description: "From the shop.",
    status: "ACTIVE",
    statusReason: null,
    createdAt: "2026-11-01T08:00:00Z",
    updatedAt: "2026-11-01T08:00:00Z",
    failedRunCount: 0,
    holdAfter: 10,
    tenant: { id: "ten_1", name: "Acme Stores" },
    hold: null,
    actions: [],
    schedule: null,
    streams: [stream],
    ...changes,
  },
});

const page = { at: "/integrations/int_1", route: "/integrations/:id" };

test("an integration of somebody else is not found", async () => {
  renderPage(<Integration />, { ...page, answers: { IntegrationOfPage: { integration: null } } });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});

test("a viewer sees it and is offered nothing to do", async () => {
  renderPage(<Integration />, { ...page, answers: { IntegrationOfPage: integration() } });
  expect(await screen.findByRole("heading", { level: 1, name: /Orders/ })).toBeTruthy();
  for (const name of ["Run now", "Pause", "More"]) expect(screen.queryByRole("button", { name })).toBeNull();
});

test("one that is held says why and how it goes on", async () => {
  const held = integration({
    status: "HELD",
    hold: { reason: "Ten runs in a row failed.", since: "2026-11-27T08:00:00Z" },
  });
  const { asked } = renderPage(<Integration />, {
    ...page,
    permissions: ["integrations:operate"],
    answers: {
      IntegrationOfPage: held,
      ResumeIntegration: { resumeIntegration: { integration: { id: "int_1", status: "ACTIVE" }, userErrors: [] } },
    },
  });
  expect(await screen.findByText("Ten runs in a row failed.")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Resume" }));
  expect(asked.find(({ name }) => name === "ResumeIntegration")?.variables).toEqual({ input: { integrationId: "int_1" } });
});

test("a run that is started has a key of its own, and is shown among the others", async () => {
  const { asked } = renderPage(<Integration />, {
    ...page,
    permissions: ["runs:start", "runs:read"],
    answers: {
      IntegrationOfPage: integration(),
      HealthOfIntegration: { integration: null },
      KpisOfIntegration: { integration: null },
      StartRun: { startRun: { run: { id: "run_1", status: "QUEUED" }, userErrors: [] } },
      RunsOfIntegration: { integration: { id: "int_1", runs: { edges: [], pageInfo: { hasNextPage: false, endCursor: null } } } },
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Run now" }));
  const sent = asked.find(({ name }) => name === "StartRun")?.variables as { input: { idempotencyKey: string } } | undefined;
  expect(sent?.input.idempotencyKey).toMatch(/^[0-9a-f]{32}$/);
  expect(await screen.findByRole("tab", { name: "Runs", selected: true })).toBeTruthy();
});

test("a schedule is saved with its time zone", async () => {
  const { asked } = renderPage(<Integration />, {
    ...page,
    at: "/integrations/int_1?tab=schedule",
    permissions: ["integrations:write"],
    answers: {
      IntegrationOfPage: integration({ schedule: { cron: "0 6 * * *", timeZone: "Europe/Berlin", nextRunAt: null } }),
      UpdateIntegration: { updateIntegration: { integration: { id: "int_1", name: "Orders", updatedAt: "2026-11-27T08:00:00Z" }, userErrors: [] } },
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Every hour" }));
  expect(await screen.findByText("Every hour", { selector: "p" })).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect(asked.find(({ name }) => name === "UpdateIntegration")?.variables).toEqual({
    input: { integrationId: "int_1", schedule: { cron: "0 * * * *", timeZone: "Europe/Berlin" } },
  });
});

test("who may not change it reads the mapping", async () => {
  renderPage(<Integration />, {
    ...page,
    at: "/integrations/int_1?tab=mapping",
    answers: { IntegrationOfPage: integration(), MappingOfIntegration: integration() },
  });
  expect(await screen.findByRole("heading", { name: "Mapping of orders" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Check and save" })).toBeNull();
});

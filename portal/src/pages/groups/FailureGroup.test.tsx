import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import type { Permission } from "@/app/session/viewer";
import { renderPage } from "@/test/render";
import FailureGroup from "./FailureGroup";

const group = {
  id: "grp_1",
  code: "record.schema_violation",
  stream: "purchase_orders",
  category: "UNSUPPORTED_DATA",
  stage: "VALIDATE",
  fieldPath: "/currency",
  rule: "required",
  reason: null,
  summary: "Purchase orders have no currency.",
  suggestedAction: "Add the currency and retry.",
  status: "NEW",
  statusAt: "2026-11-27T10:00:00Z",
  impact: "HIGH",
  responsibleParty: "CUSTOMER",
  valueAtStake: null,
  firstSeenAt: "2026-11-27T08:00:00Z",
  lastSeenAt: "2026-11-27T10:00:00Z",
  failureCount: 3,
  runCount: 1,
  snoozedUntil: null,
  snoozedUntilCount: null,
  snoozedUntilHourCount: null,
  resolvedAt: null,
  viewerCanDecide: true,
  mergedInto: null,
  sla: [],
  tenant: { id: "ten_1", name: "Acme Stores" },
  integration: { id: "int_1", name: "ERP to shop" },
  open: { edges: [], pageInfo: { hasNextPage: false } },
  retried: { edges: [] },
};

const answers = {
  FailureGroupOfPage: { failureGroup: group },
  GroupHours: { failureGroup: { id: "grp_1", failuresByHour: [] } },
  Failures: { failures: { edges: [], pageInfo: { hasNextPage: false, endCursor: null } } },
  AcknowledgeFailureGroup: { acknowledgeFailureGroup: { failureGroup: { id: "grp_1", status: "ACKNOWLEDGED" }, userErrors: [] } },
};

const page = (permissions: Permission[], changes = {}) =>
  renderPage(<FailureGroup />, {
    at: "/groups/grp_1",
    route: "/groups/:id",
    permissions,
    answers: { ...answers, FailureGroupOfPage: { failureGroup: { ...group, ...changes } } },
  });

test("who may decide acknowledges with a note", async () => {
  const { asked } = page(["failures:read", "failure_groups:manage"]);
  await userEvent.click(await screen.findByRole("button", { name: "Acknowledge" }));
  await userEvent.type(await screen.findByLabelText(/Note/), "Ann is at it");
  await userEvent.click(screen.getAllByRole("button", { name: "Acknowledge" }).at(-1) as HTMLElement);
  expect(asked.find(({ name }) => name === "AcknowledgeFailureGroup")?.variables).toEqual({ input: { groupId: "grp_1", note: "Ann is at it" } });
});

test("a viewer decides nothing", async () => {
  page(["failures:read"]);
  await screen.findByRole("heading", { level: 1, name: /no currency/ });
  expect(screen.queryByRole("button", { name: "Acknowledge" })).toBeNull();
  expect(screen.queryByRole("button", { name: "More" })).toBeNull();
});

test("of what is with others one may say no more than that it is over", async () => {
  page(["failures:read", "failure_groups:manage"], { viewerCanDecide: false });
  expect(await screen.findByRole("button", { name: "Resolve" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Acknowledge" })).toBeNull();
  expect(screen.queryByRole("button", { name: "More" })).toBeNull();
});

test("another tenant's group is not found", async () => {
  renderPage(<FailureGroup />, { at: "/groups/grp_9", route: "/groups/:id", answers: { FailureGroupOfPage: { failureGroup: null } } });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});

import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Inbox from "./Inbox";

const retry = {
  kind: "RETRY",
  label: "Try again",
  explanation: "The cause may be gone.",
  mutation: "retryFailures",
  input: { failureIds: ["fai_1"] },
  missingInput: [],
  isAvailable: true,
  unavailableReason: null,
  until: null,
};

const group = (actions: unknown[]) => ({
  id: "grp_1",
  code: "record.schema_violation",
  stream: "purchase_orders",
  summary: "Three purchase orders have no currency.",
  suggestedAction: "Add the currency and retry.",
  status: "ONGOING",
  statusAt: "2026-11-27T10:00:00Z",
  impact: "HIGH",
  responsibleParty: "CUSTOMER",
  valueAtStake: "1250.50",
  firstSeenAt: "2026-11-27T08:00:00Z",
  lastSeenAt: "2026-11-27T10:00:00Z",
  failureCount: 3,
  runCount: 1,
  tenant: { id: "ten_1", name: "Acme Stores" },
  integration: { id: "int_1", name: "ERP to shop" },
  open: { edges: [{ node: { id: "fai_1", actions } }], pageInfo: { hasNextPage: true } },
  retried: { edges: [] },
});

const answers = (actions: unknown[]) => ({
  Inbox: { inbox: { edges: [{ node: group(actions) }], pageInfo: { hasNextPage: false, endCursor: null } } },
  InboxCounts: { inboxCounts: { critical: 0, high: 1, medium: 0, low: 0 } },
  IntegrationsToFilter: { integrations: { edges: [] } },
});

test("says how many need one, and what can be done", async () => {
  renderPage(<Inbox />, { permissions: ["failures:read", "failures:retry"], answers: answers([retry]) });
  expect(await screen.findByText("1 needs you")).toBeTruthy();
});

test("an empty inbox is good news", async () => {
  const empty = { ...answers([]), Inbox: { inbox: { edges: [], pageInfo: { hasNextPage: false, endCursor: null } } } };
  renderPage(<Inbox />, { permissions: ["failures:read"], answers: empty });
  expect(await screen.findByText("Nothing needs you")).toBeTruthy();
});

test("who may not read failures is told so, and nothing is asked", async () => {
  const { asked } = renderPage(<Inbox />, { answers: {} });
  expect(await screen.findByText("You may not do this")).toBeTruthy();
  expect(asked).toEqual([]);
});

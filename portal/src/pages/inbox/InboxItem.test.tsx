import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import type { SuggestedAction } from "@/actions";
import type { GroupRow } from "@/pages/groups/groupParts";
import { renderPage } from "@/test/render";
import { InboxItem } from "./InboxItem";

const action = (changes: Partial<SuggestedAction>): SuggestedAction => ({
  kind: "RETRY",
  label: "Try again",
  explanation: "The cause may be gone.",
  mutation: "retryFailures",
  input: { failureIds: ["fai_1"] },
  missingInput: [],
  isAvailable: true,
  unavailableReason: null,
  until: null,
  ...changes,
});

const group = (actions: SuggestedAction[]): GroupRow => ({
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

const shown = (actions: SuggestedAction[]) =>
  renderPage(<InboxItem group={group(actions)} showsTenant={false} onDone={() => undefined} onRetryStarted={() => undefined} />);

test("tells a cause in the customer's words, with what is at stake, and leads to it", async () => {
  shown([action({})]);
  expect((await screen.findByRole("link", { name: "Three purchase orders have no currency." })).getAttribute("href")).toBe("/groups/grp_1");
  expect(screen.getByText("1,250.5")).toBeTruthy();
  expect(screen.getByText("You")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Try again" })).toBeTruthy();
});

test("who can't act has no buttons", async () => {
  shown([action({ input: null, isAvailable: false, unavailableReason: "A member can." })]);
  await screen.findByText("Add the currency and retry.");
  expect(screen.queryByRole("button")).toBeNull();
});

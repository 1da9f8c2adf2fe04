import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Escalations from "./Escalations";

const pageInfo = { hasNextPage: false, endCursor: null };
const standard = {
  id: "policy_1",
  position: 1_000_000,
  name: "Standard",
  isEnabled: true,
  isDefault: true,
  selectors: { tenantIds: [], codes: [], categories: [] },
  steps: [{ afterSeconds: 14_400, party: "SUPPORT", repeatCount: 1 }],
  respondWithinSeconds: null,
  resolveWithinSeconds: 86_400,
  warnPercent: 80,
  version: 5,
};
const subjects = { runbooks: { edges: [] }, connectors: [] };
const tenants = { tenants: { edges: [] } };
const answers = {
  EscalationPolicies: { escalationPolicies: { edges: [{ node: standard }], pageInfo } },
  CodesOfRunbooks: subjects,
  ConnectorsToName: { connectors: [] },
  IntegrationsToName: { integrations: { edges: [] } },
  TenantsOfSelectors: tenants,
  NamesOfTenants: tenants,
};

test("a policy is told in steps, and changed as the version that was read", async () => {
  const { asked } = renderPage(<Escalations />, {
    at: "/?tab=policies",
    viewer: { role: "ENGINEER", tenant: null },
    permissions: ["escalations:read", "escalations:manage", "runbooks:read"],
    answers: { ...answers, UpdateEscalationPolicy: { updateEscalationPolicy: { escalationPolicy: standard, userErrors: [] } } },
  });
  const user = userEvent.setup();
  expect(await screen.findByText(/After 4 hr: Support/)).toBeTruthy();
  expect(screen.getByText("Resolution in 1 day")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Change Standard" }));
  const dialog = await screen.findByRole("dialog");
  expect(within(dialog).queryByRole("button", { name: "Delete" })).toBeNull();
  const after = within(dialog).getByRole("textbox", { name: "After the beginning" });
  await user.clear(after);
  await user.type(after, "2");
  await user.click(within(dialog).getByRole("button", { name: "Save" }));
  expect(asked.find(({ name }) => name === "UpdateEscalationPolicy")?.variables).toEqual({
    input: {
      policyId: "policy_1",
      version: 5,
      name: "Standard",
      selectors: { tenantIds: [], codes: [], categories: [] },
      steps: [{ afterSeconds: 7_200, party: "SUPPORT", repeatCount: 1 }],
      respondWithinSeconds: null,
      resolveWithinSeconds: 86_400,
      warnPercent: 80,
    },
  });
});

test("what nobody has taken up says when it goes to whom, and how promises stand", async () => {
  const group = {
    id: "group_1",
    summary: "The shop refuses orders",
    status: "ONGOING",
    impact: "HIGH",
    responsibleParty: "SUPPORT",
    firstSeenAt: "2026-11-27T10:00:00Z",
    tenant: { id: "ten_1", name: "Acme Stores" },
    integration: { id: "int_1", name: "Orders" },
    escalation: {
      policyName: "Standard",
      step: 1,
      nextAt: "2099-01-01T00:00:00Z",
      nextParty: "ENGINEERING",
      acknowledgedAt: null,
      stoppedAt: null,
    },
    sla: [
      {
        kind: "RESOLUTION",
        dueAt: null,
        pausedBecause: "WAITING_ON_CUSTOMER",
        spentSeconds: 1_800,
        targetSeconds: 3_600,
        warnedAt: null,
        outcome: null,
        endedAt: null,
      },
    ],
  };
  renderPage(<Escalations />, {
    viewer: { role: "SUPPORT", tenant: null },
    permissions: ["escalations:read"],
    answers: { EscalatedGroups: { failureGroups: { edges: [{ node: group }], pageInfo } } },
  });
  const row = within(await screen.findByRole("row", { name: /The shop refuses orders/ }));
  expect(row.getByText(/Then Engineering,/)).toBeTruthy();
  expect(row.getByText(/told once/)).toBeTruthy();
  expect(row.getByText("Waits for the customer")).toBeTruthy();
});

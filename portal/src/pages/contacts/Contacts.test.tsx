import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Contacts from "./Contacts";

const pageInfo = { hasNextPage: false, endCursor: null };
const contact = { id: "contact_1", name: "Data team" };

test("a tenant's administrator makes a rule of their own", async () => {
  const rule = {
    id: "rule_1",
    position: 1,
    name: "Orders",
    selectors: { codes: ["destination.*"], connectors: [], streams: [], tenantIds: [] },
    responsibleParty: null,
    contact,
    version: 1,
  };
  const { asked } = renderPage(<Contacts />, {
    at: "/?tab=rules",
    viewer: { role: "TENANT_ADMIN" },
    permissions: ["contacts:read", "contacts:manage", "ownership_rules:manage"],
    answers: {
      OwnershipRules: { ownershipRules: { edges: [], pageInfo } },
      ContactsOfRules: { contacts: { edges: [{ node: contact }] } },
      ConnectorsToName: { connectors: [{ name: "http", title: "HTTP" }] },
      OwnershipRuleMatches: { ownershipRuleMatches: { count: 2, lookedAt: 7, hasMore: false } },
      CreateOwnershipRule: { createOwnershipRule: { ownershipRule: rule, userErrors: [] } },
    },
  });
  const user = userEvent.setup();
  expect(await screen.findByText("No rules")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "New rule" }));
  const dialog = await screen.findByRole("dialog");
  expect(await within(dialog).findByText("Fits 2 of 7 open groups of failures.")).toBeTruthy();
  expect(within(dialog).queryByRole("combobox", { name: /Tenants/ })).toBeNull();
  await user.type(within(dialog).getByRole("textbox", { name: /^Name/ }), "Orders");
  await user.type(within(dialog).getByRole("combobox", { name: /Error codes/ }), "destination.*{Enter}");
  await user.tab();
  await user.type(within(dialog).getByRole("combobox", { name: /Contact/ }), "Data");
  await user.click(await screen.findByRole("option", { name: "Data team" }));
  await user.click(within(dialog).getByRole("button", { name: "Save" }));
  expect(asked.find(({ name }) => name === "CreateOwnershipRule")?.variables).toEqual({
    input: {
      tenantId: "ten_1",
      name: "Orders",
      selectors: { codes: ["destination.*"], connectors: [], streams: [], tenantIds: [] },
      contactId: "contact_1",
    },
  });
});

test("a viewer reads contacts, and changes nothing", async () => {
  renderPage(<Contacts />, {
    viewer: { role: "TENANT_VIEWER" },
    permissions: ["contacts:read"],
    answers: { Contacts: { contacts: { edges: [], pageInfo } } },
  });
  expect(await screen.findByText("Nobody yet")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "New contact" })).toBeNull();
  expect(screen.queryByRole("tab")).toBeNull();
});

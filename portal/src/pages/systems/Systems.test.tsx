import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Systems from "./Systems";

const page = (nodes: unknown[]) => ({ edges: nodes.map((node) => ({ node })), pageInfo: { hasNextPage: false, endCursor: null } });

const shop = {
  id: "sys_1",
  name: "Shop",
  status: "REAUTH_REQUIRED",
  statusMessage: "Sign in to the shop again.",
  lastTestedAt: null,
  tenant: { id: "ten_1", name: "Acme Stores" },
  connector: { name: "http", title: "REST API" },
  circuit: { state: "OPEN" },
};

const answers = {
  Connectors: { connectors: [] },
  Systems: { systems: page([shop]) },
  SystemUses: { integrations: page([{ id: "int_1", name: "Orders", status: "ACTIVE", source: { id: "sys_1" }, destination: { id: "sys_2" } }]) },
};

test("a system shows how it is, in words, and what uses it", async () => {
  renderPage(<Systems />, { permissions: ["systems:read", "integrations:read"], answers });
  const row = await screen.findByRole("row", { name: /Shop/ });
  expect(within(row).getByText("Sign-in required")).toBeTruthy();
  expect(within(row).getByText("Sign in to the shop again.")).toBeTruthy();
  expect(within(row).getByText("Open")).toBeTruthy();
  expect(await within(row).findByText("Orders")).toBeTruthy();
  expect(screen.queryByRole("link", { name: "Connect a system" })).toBeNull();
});

test("without any, whoever may connect one is told how to go on", async () => {
  renderPage(<Systems />, { permissions: ["systems:read", "systems:write"], answers: { ...answers, Systems: { systems: page([]) } } });
  expect(await screen.findByText("No system is connected yet")).toBeTruthy();
  expect(screen.getAllByRole("link", { name: "Connect a system" })[0]?.getAttribute("href")).toBe("/systems/new");
});

test("filters of the address are asked for", async () => {
  const { asked } = renderPage(<Systems />, { at: "/?status=FAILING&search=sho", permissions: ["systems:read"], answers });
  await screen.findByRole("table");
  expect(asked.find(({ name }) => name === "Systems")?.variables).toMatchObject({ filter: { tenantId: "ten_1", search: "sho", status: ["FAILING"] } });
});

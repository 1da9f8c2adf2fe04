import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, expect, test, vi } from "vitest";
import connectors from "@/forms/connectors.json";
import { renderPage } from "@/test/render";
import NewSystem from "./NewSystem";
import { systemOfTest } from "./systemOfTest";

vi.setConfig({ testTimeout: 60_000 });

beforeAll(async () => {
  // Loaded ahead: on a busy machine that takes longer than a query waits.
  await import("@/forms/JsonSchemaForm");
});

const permissions = ["systems:read", "systems:write", "systems:test", "integrations:write"] as const;
const http = { ...systemOfTest, name: "Shop", connector: connectors.find(({ name }) => name === "http") };
const created = { createSystem: { system: { id: "sys_1" }, userErrors: [] } };
const found = (status: string, statusMessage: string | null) => ({
  testSystem: { system: { id: "sys_1", status, statusMessage, lastTestedAt: "2026-11-27T10:00:00.000Z" }, userErrors: [] },
});

test("a kind is found by a word, and leads to its settings", async () => {
  renderPage(<NewSystem />, { permissions, answers: { Connectors: { connectors } } });
  await userEvent.type(await screen.findByRole("searchbox"), "postgres");
  await waitFor(() => expect(screen.queryByRole("link", { name: "Files" })).toBeNull());
  await userEvent.click(screen.getByRole("link", { name: "PostgreSQL" }));
  expect(await screen.findByRole("textbox", { name: /Host/ })).toBeTruthy();
});

test("settings, then the credentials that they need, then it is made and tried out", async () => {
  const { asked } = renderPage(<NewSystem />, {
    at: "/systems/new?connector=http",
    permissions,
    answers: { Connectors: { connectors }, CreateSystem: created, SystemPage: { system: http }, TestSystem: found("HEALTHY", null) },
  });
  await userEvent.type(await screen.findByRole("textbox", { name: /^Name/ }), "Shop");
  await userEvent.type(screen.getByRole("textbox", { name: /Base URL/ }), "https://shop.example");
  // What has a default stands under one heading.
  await userEvent.click(screen.getByRole("button", { name: /^More: .*Auth/ }));
  await userEvent.click(await screen.findByRole("button", { name: /none \(by default\)/ }));
  await userEvent.click(await screen.findByRole("option", { name: /bearer/i }));
  await userEvent.click(screen.getByRole("button", { name: "Continue" }));
  const token = await screen.findByLabelText("Token");
  expect(token.getAttribute("type")).toBe("password");
  await userEvent.type(token, "secret");
  await userEvent.click(screen.getByRole("button", { name: "Connect" }));
  await waitFor(() => expect(asked.some(({ name }) => name === "TestSystem")).toBe(true));
  expect(asked.find(({ name }) => name === "CreateSystem")?.variables).toEqual({
    input: { tenantId: "ten_1", name: "Shop", connector: "http", config: { baseUrl: "https://shop.example", auth: "bearer" }, credentials: { token: "secret" } },
  });
});

test("what the server finds wrong with the settings leads back to them", async () => {
  renderPage(<NewSystem />, {
    at: "/systems/new?connector=http",
    permissions,
    answers: {
      Connectors: { connectors },
      CreateSystem: { createSystem: { system: null, userErrors: [{ code: "INVALID", field: ["config", "baseUrl"], message: "is at an address that is not allowed" }] } },
    },
  });
  await userEvent.type(await screen.findByRole("textbox", { name: /^Name/ }), "Shop");
  await userEvent.type(screen.getByRole("textbox", { name: /Base URL/ }), "https://10.0.0.1");
  await userEvent.click(screen.getByRole("button", { name: "Continue" }));
  expect((await screen.findByRole("alert")).textContent).toContain("is at an address that is not allowed");
  expect(screen.getByRole("textbox", { name: /Base URL/ }).getAttribute("aria-invalid")).toBe("true");
});

test("one that a person connects leads there first, and is not tried before", async () => {
  const { asked } = renderPage(<NewSystem />, {
    at: "/systems/new?system=sys_1",
    permissions,
    answers: {
      SystemPage: { system: { ...http, authorization: { grant: "AUTHORIZATION_CODE", status: "NOT_CONNECTED", connectedAt: null, expiresAt: null, scopes: [] } } },
      CreateConnectLink: { createConnectLink: { url: null, userErrors: [{ code: "CONFLICT", field: ["systemId"], message: "has no credentials" }] } },
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Connect now" }));
  expect((await screen.findByRole("alert")).textContent).toContain("has no credentials");
  expect(asked.at(-1)?.variables).toMatchObject({ input: { systemId: "sys_1", returnUrl: expect.stringContaining("/systems/new?system=sys_1") as string } });
  expect(asked.some(({ name }) => name === "TestSystem")).toBe(false);
});

test("one that works leads on to an integration, one that does not to its settings", async () => {
  const { unmount } = renderPage(<NewSystem />, { at: "/?system=sys_1", permissions, answers: { SystemPage: { system: { ...http, status: "HEALTHY" } } } });
  expect((await screen.findByRole("link", { name: "Make an integration" })).getAttribute("href")).toBe("/integrations/new?source=sys_1");
  unmount();
  renderPage(<NewSystem />, { at: "/?system=sys_1", permissions, answers: { SystemPage: { system: { ...http, status: "FAILING", statusMessage: "The host is not known." } } } });
  expect((await screen.findByRole("alert")).textContent).toContain("The host is not known.");
  expect(screen.getByRole("link", { name: "Change the settings" }).getAttribute("href")).toBe("/systems/sys_1?tab=settings");
});

test("who may not connect systems finds nothing here", async () => {
  renderPage(<NewSystem />, { permissions: ["systems:read"] });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});

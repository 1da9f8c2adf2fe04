import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Tenant from "./Tenant";

const tenant = {
  id: "tenant_1",
  name: "Acme Stores",
  slug: "acme",
  externalId: null,
  status: "ACTIVE",
  statusReason: null,
  supportAccess: false,
  supportAccessUntil: null,
  runConcurrency: null,
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
  retention: [{ kind: "RUNS", days: 90, isDefault: true }],
};
const options = {
  at: "/tenants/tenant_1",
  route: "/tenants/:id",
  viewer: { role: "PLATFORM_ADMIN" as const, tenant: null },
  answers: {
    Tenant: { tenant },
    TenantHealth: { tenant: { id: "tenant_1", health: null } },
    ViewAs: { viewAs: { token: "view-token", expiresAt: null, userErrors: [] } },
    SuspendTenant: { suspendTenant: { tenant: null, userErrors: [{ code: "REQUIRED", field: ["reason"], message: "say why" }] } },
  },
};

test("view-as asks for a view as somebody of the tenant, and goes home in it", async () => {
  const { asked } = renderPage(<Tenant />, { ...options, permissions: ["tenants:read", "tenants:view_as"] });
  await userEvent.click(await screen.findByRole("button", { name: "View as" }));
  await userEvent.click(within(await screen.findByRole("dialog")).getByRole("radio", { name: /Member/ }));
  await userEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: "View as" }));
  expect(await screen.findByText("elsewhere")).toBeTruthy();
  const sent = asked.find(({ name }) => name === "ViewAs")?.variables;
  expect(sent).toEqual({ input: { tenantId: "tenant_1", role: "TENANT_MEMBER" } });
});

test("a tenant is suspended with a reason, and what is wrong stands at its field", async () => {
  renderPage(<Tenant />, { ...options, permissions: ["tenants:read", "tenants:manage"] });
  await userEvent.click(await screen.findByRole("button", { name: "Suspend" }));
  const dialog = await screen.findByRole("dialog");
  await userEvent.type(within(dialog).getByLabelText("Why"), "unpaid");
  await userEvent.click(within(dialog).getByRole("button", { name: "Suspend" }));
  expect(await within(dialog).findByText("say why")).toBeTruthy();
});

test("who may not manage tenants has neither, and a tenant's people find no such page", async () => {
  const { unmount } = renderPage(<Tenant />, { ...options, permissions: ["tenants:read"] });
  expect(await screen.findByRole("heading", { name: /Acme Stores/ })).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Suspend" })).toBeNull();
  expect(screen.queryByRole("button", { name: "View as" })).toBeNull();
  unmount();
  renderPage(<Tenant />, { ...options, viewer: {}, permissions: ["tenants:read"] });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});

import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Keys from "./Keys";

const none = { edges: [], pageInfo: { hasNextPage: false, endCursor: null } };

test("a key is made with what it may do, and its secret is shown once", async () => {
  const { asked } = renderPage(<Keys />, {
    permissions: ["api_keys:manage"],
    answers: {
      ApiKeys: { apiKeys: none },
      CreateApiKey: { createApiKey: { apiKey: { id: "api_key_1" }, secret: "trk_secret", userErrors: [] } },
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "New API key" }));
  const dialog = await screen.findByRole("dialog");
  await userEvent.type(within(dialog).getByLabelText("Name"), "Warehouse");
  await userEvent.click(within(dialog).getByRole("checkbox", { name: "Retry failures" }));
  await userEvent.click(within(dialog).getByRole("button", { name: "Make the key" }));
  expect((await screen.findByRole("region", { name: "API key" })).textContent).toContain("trk_secret");
  expect(asked.find(({ name }) => name === "CreateApiKey")?.variables).toMatchObject({
    input: { name: "Warehouse", scopes: ["integrations:read", "runs:read", "failures:read", "failures:retry"], tenantIds: null },
  });
});

test("nobody without a right to any of it sees the page", async () => {
  renderPage(<Keys />, { permissions: ["users:read"] });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});

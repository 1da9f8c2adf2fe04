import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import connectors from "@/forms/connectors.json";
import { renderPage } from "@/test/render";
import Connectors from "./Connectors";

test("each connector says what it does, and shows its options", async () => {
  renderPage(<Connectors />, { permissions: ["systems:read"], answers: { Connectors: { connectors } } });
  await userEvent.click(await screen.findByRole("link", { name: "REST API" }));
  const sheet = await screen.findByRole("dialog", { name: "REST API" });
  expect(within(sheet).getByText("Base URL").closest("div")?.textContent).toContain("needed");
  expect(within(sheet).getByRole("heading", { name: "Pagination: Offset" })).toBeTruthy();
  expect(within(sheet).getByText(/1 to 120000 · by default 30000/)).toBeTruthy();
  expect(within(sheet).queryByRole("link", { name: "Connect a system of this kind" })).toBeNull();
});

test("a search leaves those that fit", async () => {
  renderPage(<Connectors />, { at: "/?search=tap&end=source", permissions: ["systems:read", "systems:write"], answers: { Connectors: { connectors } } });
  const list = await screen.findByRole("list");
  expect(within(list).getAllByRole("link").map((link) => link.textContent)).toEqual(["Singer tap"]);
});

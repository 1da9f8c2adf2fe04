import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Open from "./Open";
import { placeOf } from "./place";

test("an id leads to the page of what it is of", () => {
  expect(placeOf({ __typename: "Failure", id: "failure_1" }, false)).toBe("/failures/failure_1");
  expect(placeOf({ __typename: "Quarantine", id: "quarantine_1", run: { id: "run_1" } }, false)).toBe("/runs/run_1");
  expect(placeOf({ __typename: "Tenant", id: "tenant_1" }, true)).toBe("/tenants/tenant_1");
  expect(placeOf({ __typename: "Tenant", id: "tenant_1" }, false)).toBe("/failures");
});

test("an id that is nothing, or another tenant's, is not found", async () => {
  renderPage(<Open />, { at: "/open/run_9", route: "/open/:id", answers: { Opened: { node: null } } });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});

test("one goes there at once", async () => {
  renderPage(<Open />, { at: "/open/run_1", route: "/open/:id", answers: { Opened: { node: { __typename: "Run", id: "run_1" } } } });
  expect(await screen.findByText("elsewhere")).toBeTruthy();
});

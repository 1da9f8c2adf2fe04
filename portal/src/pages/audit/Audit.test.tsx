import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Audit from "./Audit";

const answers = {
  Audit: { auditEntries: { edges: [], pageInfo: { hasNextPage: false, endCursor: null } } },
  AuditActors: { users: { edges: [] } },
};

test("the filters of the address are those of the question", async () => {
  const { asked } = renderPage(<Audit />, {
    at: "/audit?area=exports&outcome=DENIED&actor=user_2&object=run_1",
    permissions: ["audit:read"],
    answers,
  });
  expect(await screen.findByText("Nothing was found")).toBeTruthy();
  expect(asked.find(({ name }) => name === "Audit")?.variables).toMatchObject({
    filter: {
      tenantId: "ten_1",
      actorId: "user_2",
      objectId: "run_1",
      operation: ["createExport", "cancelExport", "downloadExport"],
      outcome: ["DENIED"],
    },
  });
});

test("who may not read it finds no such page", async () => {
  renderPage(<Audit />, { permissions: ["exports:manage"], answers });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});

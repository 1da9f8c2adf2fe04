import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import Logs from "./Logs";

test("what is looked for is asked of the log, which is left out for a layer of events", async () => {
  const { asked } = renderPage(<Logs />, {
    at: "/logs?layer=CUSTOMER&search=timeout&level=WARN",
    permissions: ["internals:read"],
    answers: { RunsWithLines: { runs: { edges: [], pageInfo: { hasNextPage: false, endCursor: null } } } },
  });
  expect(await screen.findByText("No lines were found")).toBeTruthy();
  expect(asked[0]?.variables).toMatchObject({ logs: { search: "timeout", level: "WARN" }, withLogs: false });
});

test("support does not read logs", async () => {
  renderPage(<Logs />, { permissions: ["diagnostics:read"] });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});

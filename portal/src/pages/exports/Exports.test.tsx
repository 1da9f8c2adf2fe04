import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { renderPage } from "@/test/render";
import { ExportActions } from "./ExportActions";
import Exports from "./Exports";
import { kinds } from "./kinds";

test("a list is chosen, and its query is sent with a key", async () => {
  const { asked } = renderPage(<Exports />, {
    permissions: ["exports:manage", "audit:read"],
    answers: {
      Exports: { exports: { edges: [], pageInfo: { hasNextPage: false, endCursor: null } } },
      CreateExport: { createExport: { export: { id: "export_1" }, userErrors: [] } },
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "New export" }));
  await userEvent.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Make the file" }));
  const sent = asked.find(({ name }) => name === "CreateExport")?.variables as { input: { query: string; idempotencyKey: string } };
  expect(sent.input.query).toBe(kinds.failures);
  expect(sent.input.idempotencyKey).toHaveLength(32);
});

test("the file is for whoever asked for it", () => {
  const { unmount } = renderPage(<ExportActions row={{ status: "SUCCEEDED", url: "/exports/trx_1", expiresAt: null }} onCancel={() => undefined} />);
  unmount();
  renderPage(<ExportActions row={{ status: "SUCCEEDED", url: null, expiresAt: null }} onCancel={() => undefined} />);
  expect(screen.queryByRole("link")).toBeNull();
});

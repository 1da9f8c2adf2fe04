import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, expect, test, vi } from "vitest";
import connectors from "@/forms/connectors.json";
import { renderPage } from "@/test/render";
import NewIntegration from "./NewIntegration";

vi.setConfig({ testTimeout: 60_000 });

beforeAll(async () => {
  // Loaded ahead: on a busy machine that takes longer than a query waits.
  await import("@/forms/JsonSchemaForm");
});

const system = (id: string, name: string, connector: string) => ({
  id,
  name,
  status: "HEALTHY",
  tenant: { id: "ten_1" },
  connector: connectors.find((each) => each.name === connector),
});
const shop = system("sys_1", "Shop", "postgres");
const files = system("sys_2", "Files", "file");
const permissions = ["integrations:write", "systems:read"] as const;
const answers = {
  SystemsToChoose: { systems: { edges: [{ node: shop }, { node: files }] } },
  SystemToChoose: ({ id }: { id: string }) => ({ system: id === "sys_1" ? shop : files }),
};
const at = "/integrations/new?source=sys_1&destination=sys_2";

async function enter(field: HTMLElement, text: string) {
  await userEvent.click(field);
  await userEvent.paste(text);
}

async function fill() {
  await enter(await screen.findByRole("textbox", { name: /Kind of record/ }), "orders");
  await enter(screen.getByRole("combobox", { name: /Fields that identify/ }), "number");
  await userEvent.keyboard("{Enter}");
  await enter(await screen.findByRole("textbox", { name: "Table" }), "orders");
  await enter(await screen.findByRole("textbox", { name: /^Path/ }), "out/orders.csv");
}

test("from a table to a file, on demand", async () => {
  const { asked } = renderPage(<NewIntegration />, {
    at,
    route: "/integrations/new",
    permissions,
    answers: { ...answers, CreateIntegration: { createIntegration: { integration: { id: "int_1" }, userErrors: [] } } },
  });
  await fill();
  expect(screen.getByRole<HTMLInputElement>("textbox", { name: "Name" }).value).toBe("Shop to Files");
  await userEvent.click(screen.getByRole("button", { name: "Make the integration" }));
  expect(asked.find(({ name }) => name === "CreateIntegration")?.variables).toEqual({
    input: {
      tenantId: "ten_1",
      name: "Shop to Files",
      description: null,
      sourceId: "sys_1",
      destinationId: "sys_2",
      schedule: null,
      streams: [
        { name: "orders", mode: "FULL", keyFields: ["number"], source: { table: "orders" }, destination: { path: "out/orders.csv" }, mapping: null, onSchemaChange: "CONTINUE" },
      ],
    },
  });
  expect(await screen.findByText("elsewhere")).toBeTruthy();
});

test("what is wrong stands at the field that it is about, also among a connector's options", async () => {
  renderPage(<NewIntegration />, {
    at,
    route: "/integrations/new",
    permissions,
    answers: {
      ...answers,
      CreateIntegration: {
        createIntegration: {
          integration: null,
          userErrors: [
            { code: "INVALID", field: ["streams", "0", "destination", "path"], message: "leaves the directory" },
            { code: "CONFLICT", field: ["name"], message: "is taken" },
          ],
        },
      },
    },
  });
  await fill();
  await userEvent.click(screen.getByRole("button", { name: "Make the integration" }));
  expect((await screen.findByRole("alert")).textContent).toContain("2 things");
  expect(screen.getByText("leaves the directory")).toBeTruthy();
  expect(screen.getByRole("textbox", { name: /^Path/ }).getAttribute("aria-invalid")).toBe("true");
  expect(screen.getByText("is taken")).toBeTruthy();
});

test("who may not make integrations finds nothing here", async () => {
  renderPage(<NewIntegration />, { permissions: [] });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});

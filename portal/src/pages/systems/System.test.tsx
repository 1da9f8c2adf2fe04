import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, expect, test, vi } from "vitest";
import connectors from "@/forms/connectors.json";
import { renderPage } from "@/test/render";
import System from "./System";
import { systemOfTest } from "./systemOfTest";

vi.setConfig({ testTimeout: 60_000 });

beforeAll(async () => {
  // Loaded ahead: on a busy machine that takes longer than a query waits.
  await import("@/forms/JsonSchemaForm");
});

const connector = (wanted: string) => connectors.find(({ name }) => name === wanted);
const page = (nodes: unknown[]) => ({ edges: nodes.map((node) => ({ node })), pageInfo: { hasNextPage: false, endCursor: null } });
const database = { ...systemOfTest, connector: connector("postgres"), config: { host: "db", database: "shop" }, hasCredentials: true, status: "HEALTHY" };
const unused = { integrations: page([]) };
const used = { integrations: page([{ id: "int_1", name: "Orders", status: "ARCHIVED", source: { id: "sys_1" }, destination: { id: "sys_2" } }]) };
const all = ["systems:read", "systems:write", "systems:test", "integrations:read", "integrations:write"] as const;
const place = { at: "/systems/sys_1?tab=settings", route: "/systems/:id" };

test("a viewer sees how it is and what uses it, and can change nothing", async () => {
  renderPage(<System />, { ...place, permissions: ["systems:read", "integrations:read"], answers: { SystemPage: { system: database }, SystemUses: used } });
  expect(await screen.findByRole("row", { name: /Orders/ })).toBeTruthy();
  expect(screen.getAllByText("Connected").length).toBeGreaterThan(0);
  expect(screen.queryByRole("tab")).toBeNull();
  expect(screen.queryByRole("button", { name: /Test|Delete|Replace/ })).toBeNull();
});

test("another's system and none look the same", async () => {
  renderPage(<System />, { ...place, permissions: all, answers: { SystemPage: { system: null } } });
  expect(await screen.findByRole("heading", { name: "Not found" })).toBeTruthy();
});

test("runs that leave it alone are told of, with the time of the next try", async () => {
  const circuit = { state: "OPEN", since: "2026-11-27T09:00:00.000Z", until: "2026-11-27T09:15:00.000Z", failures: 7 };
  renderPage(<System />, { at: "/systems/sys_1", route: "/systems/:id", permissions: all, answers: { SystemPage: { system: { ...database, circuit } }, SystemUses: unused } });
  expect((await screen.findByText("Runs leave it alone for now")).closest("[role=status]")?.textContent).toContain("It failed 7 times in a row");
});

test("a change that sends credentials elsewhere asks for them, and sends both", async () => {
  const refusal = { system: null, userErrors: [{ code: "REQUIRED", field: ["credentials"], message: "must be given again because `host` in `config` changes" }] };
  const { asked } = renderPage(<System />, {
    ...place,
    permissions: all,
    answers: {
      SystemPage: { system: database },
      SystemUses: unused,
      UpdateSystem: ({ input }: { input: { credentials?: unknown } }) => ({ updateSystem: input.credentials ? { system: { ...database }, userErrors: [] } : refusal }),
    },
  });
  const host = await screen.findByRole("textbox", { name: /Host/ });
  await userEvent.clear(host);
  await userEvent.type(host, "db2");
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  const dialog = await screen.findByRole("dialog", { name: "Enter the credentials again" });
  await userEvent.type(await within(dialog).findByLabelText(/^User/), "reader");
  await userEvent.type(within(dialog).getByLabelText(/^Password/), "secret");
  await userEvent.click(within(dialog).getByRole("button", { name: "Save with these credentials" }));
  expect(asked.filter(({ name }) => name === "UpdateSystem").at(-1)?.variables).toEqual({
    input: { systemId: "sys_1", name: "Warehouse", config: { host: "db2", database: "shop" }, rateLimit: null, credentials: { user: "reader", password: "secret" } },
  });
});

test("stored credentials are replaced as a whole, from an empty form", async () => {
  const { asked } = renderPage(<System />, {
    ...place,
    permissions: all,
    answers: { SystemPage: { system: database }, SystemUses: unused, UpdateSystem: { updateSystem: { system: { ...database }, userErrors: [] } } },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Replace" }));
  const password = await screen.findByLabelText<HTMLInputElement>(/^Password/);
  expect([password.type, password.value]).toEqual(["password", ""]);
  await userEvent.type(screen.getByLabelText(/^User/), "writer");
  await userEvent.type(password, "other");
  await userEvent.click(screen.getByRole("button", { name: "Store credentials" }));
  expect(asked.find(({ name }) => name === "UpdateSystem")?.variables).toEqual({ input: { systemId: "sys_1", credentials: { user: "writer", password: "other" } } });
});

test("what is used can't be deleted, and it says by what", async () => {
  renderPage(<System />, { ...place, permissions: all, answers: { SystemPage: { system: database }, SystemUses: used } });
  const link = await screen.findByRole("link", { name: "Orders" });
  expect(link.closest("li")?.textContent).toContain("archived");
  expect(screen.getByRole("button", { name: "Delete the system" }).hasAttribute("disabled")).toBe(true);
});

test("what is not used is deleted after a question; a refusal is told", async () => {
  renderPage(<System />, {
    ...place,
    permissions: all,
    answers: {
      SystemPage: { system: database },
      SystemUses: unused,
      DeleteSystem: { deleteSystem: { deletedSystemId: null, userErrors: [{ code: "CONFLICT", field: ["systemId"], message: "an integration uses it" }] } },
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Delete the system" }));
  const dialog = await screen.findByRole("alertdialog");
  await userEvent.click(within(dialog).getByRole("button", { name: "Delete the system" }));
  expect((await within(dialog).findByRole("alert")).textContent).toContain("an integration uses it");
});

test("a webhook's address is shown, and another one is made", async () => {
  const webhook = {
    url: "https://trestle.example/hooks/abc",
    path: "/hooks/abc",
    previousUrlUntil: null,
    receivedCount: 12,
    lastReceivedAt: null,
    waitingCount: 0,
    waitingBytes: 0,
    refusedCount: 1,
    lastRefusedAt: null,
    lastRefusal: "the signature does not fit",
  };
  const { asked } = renderPage(<System />, {
    at: "/systems/sys_1",
    route: "/systems/:id",
    permissions: all,
    answers: {
      SystemPage: { system: { ...systemOfTest, connector: connector("webhook"), webhook } },
      SystemUses: unused,
      RotateWebhookUrl: { rotateWebhookUrl: { system: { id: "sys_1", webhook }, userErrors: [] } },
    },
  });
  expect(await screen.findByText("https://trestle.example/hooks/abc")).toBeTruthy();
  expect(screen.getByText("the signature does not fit")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Another address" }));
  await userEvent.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Another address" }));
  expect(asked.find(({ name }) => name === "RotateWebhookUrl")?.variables).toEqual({ input: { systemId: "sys_1", overlapHours: 24 } });
});

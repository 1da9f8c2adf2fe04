import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { beforeAll, expect, test, vi } from "vitest";
import { SchemaForm, type SchemaFormProps } from "./SchemaForm";

vi.setConfig({ testTimeout: 60_000 });

beforeAll(async () => {
  // Loaded ahead: on a busy machine that takes longer than a query waits.
  await import("./JsonSchemaForm");
});

function show(props: SchemaFormProps) {
  const onSubmit = vi.fn<(value: unknown) => void>();
  const shown = render(
    <MemoryRouter>
      <SchemaForm onSubmit={onSubmit} {...props} />
    </MemoryRouter>,
  );
  return { ...shown, onSubmit };
}

const send = async () => userEvent.click(await screen.findByRole("button", { name: "Save" }));

async function choose(field: RegExp | string, option: RegExp | string) {
  await userEvent.click(await screen.findByRole("button", { name: field }));
  await userEvent.click(await screen.findByRole("option", { name: option }));
}

const database = {
  type: "object",
  additionalProperties: false,
  required: ["host"],
  properties: {
    host: { type: "string", minLength: 1, description: "Name or address, e.g. `db.example.com`." },
    port: { type: "integer", minimum: 1, maximum: 65535, default: 5432 },
    sslMode: { enum: ["disable", "prefer"], default: "prefer" },
    createTable: { type: "boolean", default: false },
  },
};

test("only what was entered is sent, as its kind", async () => {
  const { onSubmit } = show({ schema: database });
  await userEvent.type(await screen.findByLabelText(/Host/), "db");
  await userEvent.type(screen.getByRole("textbox", { name: /Port/ }), "5433");
  await userEvent.click(screen.getByLabelText(/Create table/));
  await choose(/SSL mode/, "disable");
  await send();
  expect(onSubmit).toHaveBeenCalledWith({ host: "db", port: 5433, createTable: true, sslMode: "disable" });
});

test("defaults are shown and not sent", async () => {
  const { onSubmit } = show({ schema: database });
  await userEvent.type(await screen.findByLabelText(/Host/), "db");
  expect(screen.getByText("db.example.com").tagName).toBe("CODE");
  expect(screen.getByRole("textbox", { name: /Port/ }).getAttribute("placeholder")).toBe("5432");
  await send();
  expect(onSubmit).toHaveBeenCalledWith({ host: "db" });
});

test("what is wrong stands at its field and above the form, from where one gets to it", async () => {
  const { onSubmit } = show({ schema: database, value: { port: 70000 } });
  await send();
  expect(onSubmit).not.toHaveBeenCalled();
  const summary = await screen.findByRole("alert");
  expect(summary.textContent).toContain("2 things");
  const host = screen.getByLabelText(/Host/);
  expect(host.getAttribute("aria-invalid")).toBe("true");
  await userEvent.click(within(summary).getByRole("button", { name: "Host: Is needed" }));
  expect(document.activeElement).toBe(host);
  await userEvent.type(host, "db");
  await waitFor(() => expect(screen.getByRole("alert").textContent).not.toContain("Host"));
});

test("what the server found stands at its field until that is changed", async () => {
  const { rerender } = show({ schema: database, value: { host: "db" } });
  await screen.findByLabelText(/Host/);
  const errors = [{ path: ["host"], message: "no such host" }];
  rerender(
    <MemoryRouter>
      <SchemaForm schema={database} value={{ host: "db" }} errors={errors} onSubmit={() => undefined} />
    </MemoryRouter>,
  );
  expect((await screen.findByRole("alert")).textContent).toContain("Host: no such host");
  expect(screen.getByLabelText(/Host/).getAttribute("aria-invalid")).toBe("true");
  await userEvent.type(screen.getByLabelText(/Host/), "2");
  await waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
});

test("a part that only a condition asks for is there under it, and sent only then", async () => {
  const schema = {
    type: "object",
    if: { required: ["auth"], properties: { auth: { const: "oauth2" } } },
    then: { required: ["oauth2"] },
    properties: {
      auth: { enum: ["none", "oauth2"], default: "none" },
      oauth2: {
        oneOf: [
          { type: "object", required: ["grant", "tokenUrl"], properties: { grant: { const: "authorization_code" }, tokenUrl: { type: "string" } } },
          { type: "object", required: ["grant"], properties: { grant: { const: "client_credentials" }, tokenUrl: { type: "string" } } },
        ],
      },
    },
  };
  const { onSubmit } = show({ schema });
  expect(await screen.findByRole("button", { name: /Auth/ })).toBeTruthy();
  expect(screen.queryByRole("button", { name: /OAuth 2.0/ })).toBeNull();
  await choose(/Auth/, "oauth2");
  await userEvent.type(await screen.findByLabelText(/Token URL/), "https://example.com");
  await send();
  expect(onSubmit).toHaveBeenLastCalledWith({ auth: "oauth2", oauth2: { grant: "authorization_code", tokenUrl: "https://example.com" } });
  await choose(/OAuth 2.0/, /Client credentials/);
  await send();
  expect(onSubmit).toHaveBeenLastCalledWith({ auth: "oauth2", oauth2: { grant: "client_credentials", tokenUrl: "https://example.com" } });
  await choose(/^(?!.*OAuth 2.0).*Auth/, "none");
  await send();
  expect(onSubmit).toHaveBeenLastCalledWith({ auth: "none" });
});

test("either of two properties is chosen, and only that is sent", async () => {
  const schema = {
    type: "object",
    properties: { table: { type: "string" }, query: { type: "string" }, slices: { type: "integer" } },
    oneOf: [{ required: ["table"] }, { required: ["query"] }],
  };
  const { onSubmit } = show({ schema, value: { table: "orders", slices: 2 } });
  expect((await screen.findByRole<HTMLInputElement>("textbox", { name: "Table" })).value).toBe("orders");
  await choose(/Table \/ Query/, "Query");
  await userEvent.type(await screen.findByRole("textbox", { name: "Query" }), "SELECT 1");
  await send();
  expect(onSubmit).toHaveBeenCalledWith({ query: "SELECT 1", slices: 2 });
});

test("lists and free names have entries that come and go", async () => {
  const schema = {
    type: "object",
    properties: {
      scopes: { type: "array", minItems: 1, items: { type: "string", minLength: 1 } },
      headers: { type: "object", additionalProperties: { type: "string" } },
    },
  };
  const { onSubmit } = show({ schema });
  const scopes = await screen.findByRole("group", { name: /Scopes/ });
  await userEvent.click(within(scopes).getByRole("button", { name: "Add" }));
  await userEvent.type(within(scopes).getByRole("textbox"), "orders");
  const headers = screen.getByRole("group", { name: /Headers/ });
  await userEvent.click(within(headers).getByRole("button", { name: "Add" }));
  await userEvent.type(within(headers).getByLabelText("Name"), "X-Shop");
  await userEvent.tab();
  await userEvent.type(within(headers).getByLabelText("Value"), "acme");
  await send();
  expect(onSubmit).toHaveBeenLastCalledWith({ scopes: ["orders"], headers: { "X-Shop": "acme" } });
  await userEvent.click(within(scopes).getByRole("button", { name: "Remove entry 1" }));
  await userEvent.click(within(headers).getByRole("button", { name: "Remove X-Shop" }));
  await send();
  expect(onSubmit).toHaveBeenLastCalledWith({});
});

test("an object that is empty stays only where it was", async () => {
  const schema = { type: "object", required: ["config"], properties: { config: { type: "object", properties: { headers: { type: "object", additionalProperties: true } } }, meta: { type: "object", properties: {} } } };
  const { onSubmit } = show({ schema, value: { meta: {} } });
  await send();
  expect(onSubmit).toHaveBeenCalledWith({ config: {}, meta: {} });
});

test("secrets are not shown", async () => {
  show({ schema: { type: "object", properties: { user: { type: "string" }, password: { type: "string" } } }, secretPaths: ["password"] });
  expect((await screen.findByLabelText(/Password/)).getAttribute("type")).toBe("password");
  expect(screen.getByLabelText(/User/).getAttribute("type")).toBe("text");
});

test("days, an object of any kind, and what may be null", async () => {
  const schema = {
    type: "object",
    properties: {
      day: { type: "string", format: "date" },
      wrongDay: { type: "string", format: "date" },
      variables: { type: "object" },
      note: { type: ["string", "null"] },
    },
  };
  const { onSubmit } = show({ schema, value: { day: "2026-11-27", wrongDay: "27.11.26", note: "x", more: 1 } });
  expect((await screen.findByLabelText<HTMLInputElement>(/^Day/)).value).toBe("2026-11-27");
  const wrong = screen.getByLabelText<HTMLInputElement>(/Wrong day/);
  expect(wrong.value).toBe("27.11.26");
  await userEvent.clear(wrong);
  await userEvent.click(screen.getByLabelText(/Variables/));
  await userEvent.paste('{"first": 5}');
  await userEvent.clear(screen.getByLabelText(/Note/));
  await send();
  expect(onSubmit).toHaveBeenCalledWith({ day: "2026-11-27", variables: { first: 5 }, note: null, more: 1 });
});

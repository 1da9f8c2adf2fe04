import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { readFileSync } from "node:fs";
import { MemoryRouter } from "react-router";
import { beforeAll, expect, test, vi } from "vitest";
import connectors from "./connectors.json";
import { propertiesOf, type Schema } from "./schema";
import { SchemaForm } from "./SchemaForm";

vi.setConfig({ testTimeout: 60_000 });

beforeAll(async () => {
  // Loaded ahead: on a busy machine that takes longer than a query waits.
  await import("./JsonSchemaForm");
});

/**
 * `{ connectors { … } }` of the API is in `connectors.json`; what each takes is in its page of the documentation. Which taps of
 * Singer there are is the operator's choice: none, where that was asked.
 */
const cases = connectors.flatMap(({ name, configSchema, credentialsSchema, sourceSchema, destinationSchema }) => {
  const page = readFileSync(`${import.meta.dirname}/../../../docs/connectors/${name}.md`, "utf8");
  const example = JSON.parse(/```json\n([\s\S]*?)\n```/.exec(page)?.[1] ?? "{}") as Record<string, unknown>;
  return [
    { of: `${name}: config`, schema: configSchema as unknown, value: example.config },
    { of: `${name}: credentials`, schema: credentialsSchema as unknown, value: example.credentials },
    { of: `${name}: source`, schema: sourceSchema as unknown, value: example.source },
    { of: `${name}: destination`, schema: destinationSchema as unknown, value: example.destination },
  ].filter(({ of, schema, value }) => schema !== null && value !== undefined && of !== "singer: config");
});

test.each(cases)("the form of $of takes the documented example as it is", async ({ schema, value }) => {
  const complaints = vi.spyOn(console, "error");
  const onSubmit = vi.fn<(value: unknown) => void>();
  render(
    <MemoryRouter>
      <SchemaForm schema={schema} value={value} onSubmit={onSubmit} />
    </MemoryRouter>,
  );
  await userEvent.click(await screen.findByRole("button", { name: "Save" }));
  expect(screen.queryByRole("alert")).toBeNull();
  expect(onSubmit).toHaveBeenCalledWith(value);
  expect(complaints).not.toHaveBeenCalled();
});

const all = connectors.flatMap((connector) =>
  (["configSchema", "credentialsSchema", "sourceSchema", "destinationSchema"] as const).flatMap((part) => {
    const schema = connector[part] as Schema | null;
    return schema && (schema.required ?? []).length > 0 ? [{ of: `${connector.name}: ${part}`, schema }] : [];
  }),
);

test.each(all)("an empty form of $of says what it needs, at its fields", async ({ schema }) => {
  const onSubmit = vi.fn<(value: unknown) => void>();
  const { container } = render(
    <MemoryRouter>
      <SchemaForm schema={schema} onSubmit={onSubmit} />
    </MemoryRouter>,
  );
  await userEvent.click(await screen.findByRole("button", { name: "Save" }));
  expect(onSubmit).not.toHaveBeenCalled();
  expect(await screen.findByRole("alert")).toBeTruthy();
  const needed = (schema.required ?? []).filter((name) => propertiesOf(schema)[name] !== undefined);
  expect(container.querySelectorAll("[data-invalid]:not(input):not(textarea):not(button)").length).toBeGreaterThanOrEqual(needed.length);
});

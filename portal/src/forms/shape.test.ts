import { expect, test } from "vitest";
import { shape } from "./shape";
import { wording } from "./wording";

test("names become titles", () => {
  expect(["baseUrl", "timeoutMs", "sslRootCert", "oauth2", "order_id", "FULL_TABLE"].map(wording)).toEqual([
    "Base URL",
    "Timeout (ms)",
    "SSL root cert",
    "OAuth 2.0",
    "Order id",
    "Full table",
  ]);
});

test("a default is shown and not put into the data", () => {
  expect(shape({ type: "object", properties: { port: { type: "integer", default: 5432 } } }).properties).toEqual({
    port: { type: "integer", title: "Port", "x-default": 5432 },
  });
});

test("either of two properties is a choice of two forms", () => {
  const shaped = shape({
    type: "object",
    properties: { table: { type: "string" }, query: { type: "string" }, slices: { type: "integer" } },
    oneOf: [{ required: ["table"] }, { required: ["query"] }],
  });
  const slices = { type: "integer", title: "Slices" };
  expect(shaped.properties).toEqual({});
  expect(shaped.oneOf).toEqual([
    { type: "object", title: "Table", properties: { table: { type: "string", title: "Table" }, slices }, required: ["table"] },
    { type: "object", title: "Query", properties: { query: { type: "string", title: "Query" }, slices }, required: ["query"] },
  ]);
});

test("options are named by the constant that tells them apart", () => {
  const shaped = shape({
    oneOf: [
      { type: "object", properties: { kind: { const: "page", description: "Pages have numbers." } } },
      { type: "object", properties: { kind: { const: "next_link" } } },
    ],
  });
  expect(shaped.oneOf).toMatchObject([{ title: "Page", description: "Pages have numbers." }, { title: "Next link" }]);
  expect(shaped.discriminator).toEqual({ propertyName: "kind" });
});

test("something or null is the something, which may be empty", () => {
  expect(shape({ properties: { a: { type: ["string", "null"] }, b: { anyOf: [{ type: "number" }, { type: "null" }] } } }).properties).toEqual({
    a: { type: "string", title: "A", "x-nullable": true },
    b: { type: "number", title: "B", "x-nullable": true },
  });
});

test("the entries of a list of secrets are secret", () => {
  const { properties } = shape({ properties: { secrets: { type: "array", items: { type: "string" } }, user: { type: "string" } } }, ["secrets"]);
  expect(properties).toMatchObject({ secrets: { items: { "x-secret": true } } });
  expect(properties?.user).not.toHaveProperty("x-secret");
});

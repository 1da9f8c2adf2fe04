import { expect, test } from "vitest";
import connectors from "@/forms/connectors.json";
import { credentialsOf, secretPathsOf } from "./credentials";

function asked(name: string, config: unknown) {
  const connector = connectors.find((each) => each.name === name);
  if (!connector) throw new Error(`there is no ${name}`);
  const schema = credentialsOf(connector, config);
  return schema && { fields: Object.keys(schema.properties ?? {}), required: schema.required };
}

test("an API asks for what its way to sign in needs", () => {
  expect(asked("http", { baseUrl: "https://a.example" })).toBeNull();
  expect(asked("http", { auth: "bearer" })).toEqual({ fields: ["token"], required: ["token"] });
  expect(asked("graphql", { auth: "header" })).toEqual({ fields: ["headerName", "headerValue"], required: ["headerName", "headerValue"] });
  expect(asked("http", { auth: "oauth2" })).toEqual({ fields: ["clientId", "clientSecret"], required: ["clientId"] });
});

test("a webhook asks for its secrets, and what it sends may be signed in too", () => {
  expect(asked("webhook", { receive: { verification: { kind: "github" } } })).toEqual({ fields: ["secrets"], required: ["secrets"] });
  expect(asked("webhook", { send: { url: "https://a.example", auth: "basic" } })?.fields.sort()).toEqual(["password", "secrets", "username"]);
});

test("files in a bucket need keys, and one's own directory none; databases always ask", () => {
  expect(asked("file", {})).toBeNull();
  expect(asked("file", { store: "s3" })?.required).toEqual(["accessKeyId", "secretAccessKey"]);
  expect(asked("postgres", { host: "db" })?.required).toEqual(["user"]);
  expect(asked("sqlite", { path: "shop.db" })).toBeNull();
});

test("names are seen while they are typed, and secrets are not", () => {
  const postgres = connectors.find(({ name }) => name === "postgres");
  expect(secretPathsOf(credentialsOf(postgres ?? { name: "", configSchema: {}, credentialsSchema: {} }, {}) ?? {})).toEqual(["password"]);
});

import { isObject, isSchema, propertiesOf, type Schema } from "@/forms/schema";

/** What each way to sign in needs, where a configuration has `auth`. */
const ofAuth: Record<string, readonly string[]> = {
  none: [],
  bearer: ["token"],
  basic: ["username", "password"],
  header: ["headerName", "headerValue"],
  oauth2: ["clientId", "clientSecret"],
};

/** A client may be a public one. */
const mayBeLeftOut = new Set(["clientSecret"]);

/** What need not be hidden from who types it. */
const plain = new Set(["user", "username", "headerName", "clientId", "accessKeyId"]);

interface Connector {
  name: string;
  configSchema: unknown;
  credentialsSchema: unknown;
}

/** The credentials that a configuration asks for, as a schema; null where it asks for none. */
export function credentialsOf({ name, configSchema, credentialsSchema }: Connector, config: unknown): Schema | null {
  if (!isSchema(credentialsSchema)) return null;
  const all = Object.entries(propertiesOf(credentialsSchema));
  if (name === "file" && !(isObject(config) && config.store === "s3")) return null;
  const auth = authOf(configSchema, config);
  const wanted = auth === null ? null : (ofAuth[auth] ?? []);
  const kept = all.filter(([field]) => wanted === null || wanted.includes(field) || !Object.values(ofAuth).flat().includes(field));
  if (kept.length === 0) return null;
  const required = kept.map(([field]) => field).filter((field) => wanted?.includes(field) && !mayBeLeftOut.has(field));
  const also = name === "webhook" ? ["secrets"] : name === "file" ? ["accessKeyId", "secretAccessKey"] : [];
  return {
    ...credentialsSchema,
    properties: Object.fromEntries(kept),
    required: [...new Set([...(credentialsSchema.required ?? []), ...required, ...also])],
  };
}

/** How credentials are sent; null for connectors that know one way only. */
function authOf(schema: unknown, config: unknown): string | null {
  const part = isObject(config) && isObject(config.send) ? config.send : config;
  const auth = isObject(part) ? part.auth : undefined;
  if (typeof auth === "string") return auth;
  const properties = isSchema(schema) ? propertiesOf(schema) : {};
  return "auth" in properties || "send" in properties ? "none" : null;
}

/** The fields that are not to be seen while they are typed. */
export function secretPathsOf(schema: Schema): string[] {
  return Object.keys(propertiesOf(schema)).filter((field) => !plain.has(field));
}

/** Connectors that ask by single requests, whose rate can be bounded. */
const paced = new Set(["graphql", "http", "webhook"]);

export function isPaced(connector: string): boolean {
  return paced.has(connector);
}

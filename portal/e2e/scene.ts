/** What `tests/it/portal.rs` has prepared before, and says in `E2E_SCENE`. */

export type Role = "PLATFORM_ADMIN" | "ENGINEER" | "SUPPORT" | "TENANT_ADMIN" | "TENANT_MEMBER" | "TENANT_VIEWER";

/** An integration that ran once, and what came of it. */
export interface Moved {
  integration: string;
  run: string;
  failure: string;
  group: string;
  source: string;
}

export interface Scene {
  url: string;
  /** Of everybody. */
  password: string;
  /** Mail addresses: of the staff, and of the tenant that `own` is of. */
  people: Record<Role, string>;
  /** Its tenant, and an integration of which some records are refused, whatever one does. */
  tenant: string;
  own: Moved;
  /** An integration of the same tenant, of which a run takes some seconds. */
  slow: string;
  incident: string;
  /** A tenant of which three orders of a file were refused, and the file. */
  shop: Moved & { member: string; file: string; orders: string[] };
  /** The same of another tenant: what refused them is mended, so that a retry helps. */
  mended: Moved & { member: string; orders: string[] };
  /** One with very many integrations and failures. */
  large: { admin: string; integrations: number; failures: number };
  /** A port of 127.0.0.1 for a page of others; Trestle allows its origin. */
  hostPort: number;
}

const text = process.env.E2E_SCENE;
if (!text) throw new Error("E2E_SCENE is missing: `cargo test -p tests --test it -- portal` prepares it and runs these tests");

export const scene = JSON.parse(text) as Scene;

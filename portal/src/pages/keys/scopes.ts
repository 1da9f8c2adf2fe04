import type { Permission } from "@/app/session";

/** What a key can be given: what the API's permission table allows PARTNER. Each brings along what it can't be used without. */
export const partnerScopes: readonly Permission[] = [
  "integrations:read", "integrations:operate", "integrations:write", "runs:read", "runs:start", "failures:read", "failures:retry",
  "failures:skip", "failures:edit", "records:read", "failure_groups:manage", "failure_groups:dismiss", "incidents:read",
  "systems:read", "systems:test", "systems:write", "contacts:read", "contacts:manage", "notices:read", "notices:manage",
  "exports:manage", "portal_sessions:create",
];

/** What a portal session can be given: the same of PORTAL. */
export const portalScopes = [
  "integrations:read", "runs:read", "runs:start", "failures:read", "failures:retry", "failure_groups:manage", "systems:read",
  "contacts:read", "incidents:read",
] as const satisfies readonly Permission[];

/** Those that change nothing. */
export const portalScopesToLook = portalScopes.filter((scope) => scope.endsWith(":read"));

import { createContext, use } from "react";
import { graphql, type ResultOf } from "@/api";

export const VIEWER = graphql(`
  query Viewer {
    viewer {
      role
      audience
      locale
      permissions
      secondFactor
      secondFactorRequired
      tenant {
        id
        name
        slug
        status
        statusReason
      }
      user {
        id
        name
        email
      }
    }
  }
`);

export type Viewer = ResultOf<typeof VIEWER>["viewer"];

/** Names of the permission table; `viewer.permissions` has those that the viewer holds. */
export type Permission =
  | "api_keys:manage"
  | "audit:read"
  | "contacts:manage"
  | "contacts:read"
  | "diagnostics:read"
  | "escalations:manage"
  | "escalations:read"
  | "exports:manage"
  | "failure_groups:dismiss"
  | "failure_groups:manage"
  | "failures:edit"
  | "failures:read"
  | "failures:retry"
  | "failures:skip"
  | "files:upload"
  | "identity_providers:manage"
  | "incidents:manage"
  | "incidents:read"
  | "integrations:operate"
  | "integrations:read"
  | "integrations:write"
  | "internals:read"
  | "kill_switches:manage"
  | "notices:manage"
  | "notices:read"
  | "ownership_rules:manage"
  | "portal_sessions:create"
  | "records:read"
  | "records:reveal"
  | "runbooks:manage"
  | "runbooks:read"
  | "runs:read"
  | "runs:start"
  | "staff:manage"
  | "support_access:manage"
  | "systems:read"
  | "systems:test"
  | "systems:write"
  | "tenants:manage"
  | "tenants:read"
  | "tenants:view_as"
  | "users:manage"
  | "users:read"
  | "words:manage";

export const ViewerContext = createContext<Viewer | null>(null);

/** Who is signed in. Only below the shell, where somebody is. */
export function useViewer(): Viewer {
  const viewer = use(ViewerContext);
  if (!viewer) throw new Error("nobody is signed in here");
  return viewer;
}

/** Whether the viewer may do this: it decides what is shown. The server decides what happens. */
export function usePermission(name: Permission): boolean {
  return useViewer().permissions.includes(name);
}

/** Whether the viewer is of the operator's staff. */
export function useIsStaff(): boolean {
  return isStaff(useViewer());
}

export function isStaff({ role }: Pick<Viewer, "role">): boolean {
  return role === "PLATFORM_ADMIN" || role === "ENGINEER" || role === "SUPPORT";
}

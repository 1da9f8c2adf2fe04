import type { OpenedQuery } from "@/api/generated/graphql";

type Opened = NonNullable<OpenedQuery["node"]>;

/** The page of an object; null where it has none. */
export function placeOf(node: Opened, isStaff: boolean): string | null {
  switch (node.__typename) {
    case "Integration":
      return `/integrations/${node.id}`;
    case "Run":
      return `/runs/${node.id}`;
    case "Failure":
      return `/failures/${node.id}`;
    case "FailureGroup":
      return `/groups/${node.id}`;
    case "System":
      return `/systems/${node.id}`;
    case "Incident":
      return `/incidents/${node.id}`;
    case "Tenant":
      // A tenant's own people are told of records that will be deleted: those of failures.
      return isStaff ? `/tenants/${node.id}` : "/failures";
    case "Backfill":
    case "Reconciliation":
      return `/integrations/${node.integration.id}`;
    case "Quarantine":
      return `/runs/${node.run.id}`;
    case "Retry":
      return "/failures";
    case "Export":
      return "/exports-list";
    case "User":
      return "/people";
    case "Invitation":
      return "/people?tab=invitations";
    case "ApiKey":
      return "/keys";
    case "PortalKey":
      return "/keys?tab=portal-keys";
    case "PortalSession":
      return "/keys?tab=sessions";
    case "RunEvent":
      return null;
  }
}

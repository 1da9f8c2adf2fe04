import { useEvery, useLive, usePages, type Pages } from "@/api";
import { usePermission, useTenantScope } from "@/app/session";
import type { HealthStatus, IntegrationOrderField } from "@/api/generated/schema";
import { useAddress, type Sort } from "@/ui";
import { HEALTH_CHANGED, INTEGRATIONS, type IntegrationRowOf } from "./integrationRow";

export const healthStatuses = [
  "HELD",
  "ACTION_REQUIRED",
  "FAILING",
  "STALE",
  "DEGRADED",
  "RUNNING",
  "HEALTHY",
  "UNKNOWN",
  "PAUSED",
  "ARCHIVED",
] as const satisfies readonly HealthStatus[];

const fields: Record<string, IntegrationOrderField> = { name: "NAME", health: "HEALTH", createdAt: "CREATED_AT" };

const REFRESH_MS = 60_000;

/** By health, the worst first, unless the address says otherwise. */
export function sortOf(address: URLSearchParams): Sort {
  const [column = "", direction] = (address.get("sort") ?? "").split(".");
  if (!(column in fields)) return { column: "health", direction: "descending" };
  return { column, direction: direction === "ascending" ? "ascending" : "descending" };
}

/** The integrations that the address asks for; their health changes by itself. */
export function useIntegrations(): Pages<IntegrationRowOf> {
  const { tenant } = useTenantScope();
  const withSystems = usePermission("systems:read");
  const withHealth = usePermission("runs:read");
  const [address] = useAddress();
  const search = address.get("search");
  const health = healthStatuses.find((each) => each === address.get("health"));
  const sort = sortOf(address);
  const pages = usePages({
    query: INTEGRATIONS,
    variables: {
      filter: {
        ...(tenant ? { tenantId: tenant.id } : {}),
        ...(search ? { search } : {}),
        ...(health ? { health: [health], ...(health === "ARCHIVED" ? { status: ["ARCHIVED"] } : {}) } : {}),
      },
      orderBy: { field: fields[sort.column] ?? "HEALTH", direction: sort.direction === "ascending" ? "ASC" : "DESC" },
      withSystems,
      withHealth,
    },
    pageSize: 100,
    connection: (data) => data.integrations,
    typenames: ["Integration", "IntegrationHealth"],
  });
  useLive(HEALTH_CHANGED, {
    paused: !withHealth,
    onChange: ({ healthChanged: { integration, ...changed } }) => pages.patch({ id: integration.id, health: changed }),
    onBehind: pages.refresh,
  });
  // RUNNING comes and goes, and ages grow, of which nobody tells.
  useEvery(REFRESH_MS, pages.refresh, !withHealth);
  return pages;
}

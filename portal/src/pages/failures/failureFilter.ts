import type { FailureCategory, FailureFilter, FailureStatus, ResponsibleParty } from "@/api/generated/schema";
import { momentsOf } from "@/ui";

export const statuses: readonly FailureStatus[] = ["OPEN", "RETRYING", "RESOLVED", "SKIPPED", "SUPERSEDED"];
export const categories: readonly FailureCategory[] = ["USER_ACTION", "UNSUPPORTED_DATA", "INTEGRATION_DESIGN", "APPLICATION", "INFRASTRUCTURE"];
export const parties: readonly ResponsibleParty[] = ["CUSTOMER", "SUPPORT", "ENGINEERING", "THIRD_PARTY"];

const HOUR_MS = 3_600_000;

/** What the address says is looked for. What it says wrongly is left out. */
export function filterOf(address: URLSearchParams, tenantId: string | undefined): FailureFilter {
  const one = <Value extends string>(name: string, values: readonly Value[]): Value[] | undefined => {
    const value = values.find((each) => each === address.get(name));
    return value === undefined ? undefined : [value];
  };
  const reference = address.get("q");
  return {
    tenantId,
    status: one("status", statuses),
    category: one("category", categories),
    responsibleParty: one("acts", parties),
    code: address.has("code") ? [address.get("code") ?? ""] : undefined,
    integrationId: address.get("integration") ?? undefined,
    runId: address.get("run") ?? undefined,
    businessReference: reference === null ? undefined : { contains: reference },
    failedAt: timeOf(address),
  };
}

function timeOf(address: URLSearchParams): FailureFilter["failedAt"] {
  const hour = Date.parse(address.get("hour") ?? "");
  if (!Number.isNaN(hour)) return { gte: new Date(hour).toISOString(), lt: new Date(hour + HOUR_MS).toISOString() };
  const [from, to] = [address.get("dayFrom"), address.get("dayTo")];
  if (from === null || to === null) return undefined;
  const days = momentsOf({ from, to });
  return { gte: days.from, lt: days.before };
}

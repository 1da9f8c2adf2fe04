import { useMemo } from "react";
import { useQuery } from "urql";
import { problemOf } from "@/api";
import { useNow } from "@/ui";
import { HEALTH_OF_ALL, HEALTH_OF_TENANT, type HomeHealth } from "./homeHealth";
import { spanOfTime, type Span } from "./span";

const context = { requestPolicy: "cache-and-network" } as const;
const HOUR_MS = 3_600_000;

/** How the integrations of a tenant are, or those of all, over a day or a week. */
export function useHomeHealth(tenantId: string | undefined, span: Span, isPaused: boolean) {
  const hour = Math.floor(useNow() / HOUR_MS);
  const time = useMemo(() => spanOfTime(span, hour * HOUR_MS), [span, hour]);
  const { windowHours, by, from } = time;
  const isAll = tenantId === undefined;
  const [ofTenant, askTenant] = useQuery({ query: HEALTH_OF_TENANT, variables: { id: tenantId ?? "", windowHours, by, from }, pause: isPaused || isAll, context });
  const [ofAll, askAll] = useQuery({ query: HEALTH_OF_ALL, variables: { windowHours, by, from }, pause: isPaused || !isAll, context });
  const { error } = isAll ? ofAll : ofTenant;
  const health: HomeHealth | null | undefined = isAll ? ofAll.data?.platformHealth : ofTenant.data?.tenant?.health;
  return {
    health,
    steps: time.steps,
    problem: error ? problemOf(error) : null,
    refresh: () => (isAll ? askAll : askTenant)({ requestPolicy: "network-only" }),
  };
}

import { useEffect, useMemo } from "react";
import { graphql, usePages, type ResultOf } from "@/api";
import { usePermission } from "@/app/session";

const USES = graphql(`
  query SystemUses($filter: IntegrationFilter, $first: Int, $after: String) {
    integrations(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          name
          status
          source {
            id
          }
          destination {
            id
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export type Use = ResultOf<typeof USES>["integrations"]["edges"][number]["node"];

const PAGE = 100;
/** More are not read for a list of systems. */
const INTEGRATIONS_MAX = 1_000;

export type Extent = "reading" | "all" | "some";

/** Which integrations use which system, archived ones too: those keep it from being deleted. */
export function useUses(tenantId: string | null) {
  const mayRead = usePermission("integrations:read");
  const pages = usePages({
    query: USES,
    variables: { filter: { tenantId, status: ["ACTIVE", "PAUSED", "HELD", "ARCHIVED"] } },
    connection: (data) => data.integrations,
    pageSize: PAGE,
    paused: !mayRead,
    typenames: ["Integration"],
  });
  const { rows, hasMore, isLoading, isLoadingMore, problem, loadMore } = pages;
  const isOn = hasMore && rows.length < INTEGRATIONS_MAX && problem === null;
  useEffect(() => {
    if (isOn && !isLoadingMore) loadMore();
  }, [isOn, isLoadingMore, loadMore]);
  const bySystem = useMemo(() => {
    const found = new Map<string, Use[]>();
    for (const use of rows) {
      for (const id of new Set([use.source.id, use.destination.id])) found.set(id, [...(found.get(id) ?? []), use]);
    }
    return found;
  }, [rows]);
  // With some left unread, one of which nothing was found may be used all the same.
  const extent: Extent = problem || (hasMore && !isOn) ? "some" : isLoading || isOn ? "reading" : "all";
  return { of: (systemId: string): readonly Use[] => bySystem.get(systemId) ?? [], extent, mayRead };
}

import { useQuery } from "urql";
import { graphql } from "@/api";
import type { Impact } from "@/api/generated/schema";

const INBOX_COUNTS = graphql(`
  query InboxCounts($filter: InboxFilter) {
    inboxCounts(filter: $filter) {
      critical
      high
      medium
      low
    }
  }
`);

// Decisions about groups, and retries, change them.
const context = { requestPolicy: "cache-and-network" as const, additionalTypenames: ["FailureGroup", "Retry", "Failure"] };

/** How many groups the viewer's inbox has; null while that is not known. */
export function useInboxCounts(tenantId: string | undefined, isPaused = false): (Record<Impact, number> & { all: number }) | null {
  const [{ data }] = useQuery({ query: INBOX_COUNTS, variables: { filter: { tenantId } }, context, pause: isPaused });
  if (!data) return null;
  const { critical, high, medium, low } = data.inboxCounts;
  return { CRITICAL: critical, HIGH: high, MEDIUM: medium, LOW: low, all: critical + high + medium + low };
}

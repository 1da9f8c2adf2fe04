import { graphql, type ResultOf } from "@/api";
import type { FailureFilter } from "@/api/generated/schema";
import type { FailureChoice } from "@/actions/subject";

export const FAILURE_ROW = graphql(`
  fragment FailureRow on Failure {
    id
    status
    stream
    businessReference
    code
    impact
    responsibleParty
    summary
    attempts
    failedAt
    nextAttemptAt
    viewerCanRetry
    viewerCanSkip
    tenant {
      id
      name
    }
    integration {
      id
      name
    }
  }
`);

export type FailureRow = ResultOf<typeof FAILURE_ROW>;

/** So many names fit into one filter; of more the plan looks at all in the time and place. */
const REFERENCES_MAX = 100;

/** The chosen rows for a retry or skip. The plan takes no ids, so it is asked for as little as holds all of them. */
export function choiceOfRows(rows: readonly FailureRow[], within: FailureFilter): FailureChoice {
  const times = rows.map(({ failedAt }) => Date.parse(failedAt));
  const [integration, ...others] = new Set(rows.map((row) => row.integration.id));
  const references = rows.flatMap(({ businessReference }) => businessReference ?? []);
  const isNamed = references.length === rows.length && rows.length <= REFERENCES_MAX;
  return {
    ids: rows.map(({ id }) => id),
    filter: {
      status: ["OPEN"],
      groupId: within.groupId,
      runId: within.runId,
      tenantId: rows[0]?.tenant.id,
      integrationId: others.length === 0 ? integration : undefined,
      businessReference: isNamed ? { in: references } : undefined,
      failedAt: { gte: new Date(Math.min(...times)).toISOString(), lt: new Date(Math.max(...times) + 1_000).toISOString() },
    },
  };
}

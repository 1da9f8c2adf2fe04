import { graphql, type ResultOf } from "@/api";

/** What changes of a run while it is under way. */
export const RUN_STATE = graphql(`
  fragment RunState on Run {
    id
    status
    queuedAt
    startedAt
    finishedAt
    durationMs
    nextAttemptAt
    wait {
      reason
      message
    }
    counts {
      read
      created
      updated
      unchanged
      skipped
      failed
      deleted
      unaccounted
    }
  }
`);

/** A run in a list. */
export const RUN_ROW = graphql(`
  fragment RunRow on Run {
    ...RunState
    trigger
    triggeredBy
    integration {
      id
      name
    }
    retryOf {
      id
    }
    backfill {
      id
    }
    reconciliation {
      id
    }
  }
`);

export type RunStateOf = ResultOf<typeof RUN_STATE>;
export type RunRowOf = ResultOf<typeof RUN_ROW>;

const over = new Set<string>(["SUCCEEDED", "PARTIAL", "FAILED", "CANCELED", "RECOVERED"]);

export function isOver({ status }: Pick<RunStateOf, "status">): boolean {
  return over.has(status);
}

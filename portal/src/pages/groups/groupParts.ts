import { graphql, type ResultOf } from "@/api";
import "@/actions/suggestedAction";

/** A group as lists show it, with the steps that its newest open failure suggests. */
export const GROUP_ROW = graphql(`
  fragment GroupRow on FailureGroup {
    id
    code
    stream
    summary
    suggestedAction
    status
    statusAt
    impact
    responsibleParty
    valueAtStake
    firstSeenAt
    lastSeenAt
    failureCount
    runCount
    tenant {
      id
      name
    }
    integration {
      id
      name
    }
    open: failures(filter: { status: [OPEN] }, first: 1) {
      edges {
        node {
          id
          actions {
            ...SuggestedActionParts
          }
        }
      }
      pageInfo {
        hasNextPage
      }
    }
    retried: failures(filter: { status: [RETRYING] }, first: 1) {
      edges {
        node {
          id
          actions {
            ...SuggestedActionParts
          }
        }
      }
    }
  }
`);

export type GroupRow = ResultOf<typeof GROUP_ROW>;
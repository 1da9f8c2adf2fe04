import { graphql, type ResultOf } from "@/api";

export const RECONCILIATION_ROW = graphql(`
  fragment ReconciliationRow on Reconciliation {
    id
    status
    requestedBy
    createdAt
    finishedAt
    run {
      id
    }
    repairedBy @include(if: $withFailures) {
      id
      status
    }
    streams {
      name
      outcome
      reason
      finishedAt
      counts {
        read
        leftOut
        refused
        source
        destination
        matched
        missing
        different
        failing
        notMoved
        extra
        others
      }
      checksums {
        sourceKeys
        destinationKeys
        sourceRecords
        destinationRecords
      }
    }
  }
`);

export type ReconciliationOf = ResultOf<typeof RECONCILIATION_ROW>;

export const RECONCILIATION = graphql(`
  query ReconciliationOfIntegration($id: ID!, $withFailures: Boolean!) {
    reconciliation(id: $id) {
      ...ReconciliationRow
    }
  }
`);

export const RECONCILIATIONS = graphql(`
  query ReconciliationsOfIntegration($id: ID!, $withFailures: Boolean!, $first: Int, $after: String) {
    integration(id: $id) {
      id
      reconcile
      reconciliations(first: $first, after: $after) {
        edges {
          node {
            ...ReconciliationRow
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

import { graphql, type ResultOf } from "@/api";
import "@/actions/suggestedAction";
import "./failureRow";
import "./runbookPart";

export const FAILURE_OF_PAGE = graphql(`
  query FailureOfPage($id: ID!, $withRun: Boolean!) {
    failure(id: $id) {
      ...FailureRow
      category
      stage
      suggestedAction
      impactReason
      valueAtStake
      lastAttemptAt
      resolvedAt
      httpStatus
      technicalDetail
      record
      recordExpiresAt
      recordRemovedAt
      viewerCanEdit
      fieldErrors {
        path
        rule
        message
      }
      actions {
        ...SuggestedActionParts
      }
      reveals {
        revealedBy
        reason
        createdAt
        expiresAt
      }
      redactions {
        field
        reason
      }
      tenant {
        id
        supportAccess
      }
      run @include(if: $withRun) {
        id
        queuedAt
        status
      }
      group {
        id
        status
        failureCount
      }
      runbooks {
        ...RunbookPart
      }
    }
  }
`);

export type FailureOfPage = NonNullable<ResultOf<typeof FAILURE_OF_PAGE>["failure"]>;

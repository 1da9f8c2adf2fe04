import { graphql, type ResultOf } from "@/api";
import "@/pages/failures/runbookPart";
import "./groupParts";

export const GROUP_OF_PAGE = graphql(`
  query FailureGroupOfPage($id: ID!, $withContacts: Boolean!, $withIncident: Boolean!, $withEscalation: Boolean!, $withRunbooks: Boolean!) {
    failureGroup(id: $id) {
      ...GroupRow
      category
      stage
      fieldPath
      rule
      reason
      snoozedUntil
      snoozedUntilCount
      snoozedUntilHourCount
      resolvedAt
      viewerCanDecide
      assignee @include(if: $withContacts) {
        id
        name
      }
      mergedInto {
        id
        summary
      }
      incident @include(if: $withIncident) {
        id
        title
        publicMessage
      }
      escalation @include(if: $withEscalation) {
        policyName
        startedAt
        step
        nextAt
        nextParty
        acknowledgedAt
        stoppedAt
      }
      sla {
        kind
        startedAt
        dueAt
        pausedBecause
        spentSeconds
        targetSeconds
        warnedAt
        outcome
        endedAt
        endedBy
      }
      newest: failures(first: 1) @include(if: $withRunbooks) {
        edges {
          node {
            id
            runbooks {
              ...RunbookPart
            }
          }
        }
      }
    }
  }
`);

export type GroupOfPage = NonNullable<ResultOf<typeof GROUP_OF_PAGE>["failureGroup"]>;

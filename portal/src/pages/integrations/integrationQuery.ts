import { graphql, type ResultOf } from "@/api";
import "@/actions";
import "./integrationRow";

/** What each part of the page needs; each of them asks for the rest itself. */
export const INTEGRATION = graphql(`
  query IntegrationOfPage($id: ID!, $withSystems: Boolean!, $withHealth: Boolean!) {
    integration(id: $id) {
      id
      name
      description
      status
      statusReason
      createdAt
      updatedAt
      failedRunCount
      holdAfter
      tenant {
        id
        name
      }
      hold {
        reason
        since
      }
      actions {
        ...SuggestedActionParts
      }
      schedule {
        cron
        timeZone
        nextRunAt
      }
      source @include(if: $withSystems) {
        id
        name
        status
        connector {
          name
          title
        }
      }
      destination @include(if: $withSystems) {
        id
        name
        status
        connector {
          name
          title
        }
      }
      streams {
        name
        mode
        cursorField
        source
      }
      health @include(if: $withHealth) {
        ...HealthRow
      }
    }
  }
`);

export type IntegrationOfPage = NonNullable<ResultOf<typeof INTEGRATION>["integration"]>;

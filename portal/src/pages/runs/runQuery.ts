import { graphql, type ResultOf } from "@/api";
import "./runRow";

export const RUN = graphql(`
  query RunOfPage($id: ID!, $withFailures: Boolean!, $withMetrics: Boolean!, $withInternals: Boolean!) {
    run(id: $id) {
      ...RunRow
      tenant {
        id
        name
      }
      reconciliation {
        id
        status
      }
      failure @include(if: $withFailures) {
        id
        summary
        suggestedAction
      }
      traceId @include(if: $withInternals)
      slices(first: 1) {
        edges {
          cursor
        }
      }
      metrics @include(if: $withMetrics) {
        workedMs
        sourceWaitMs
        destinationWaitMs
        mappingMs
        storingMs
        throttledMs
        recordsPerSecond
        pageCount
        readBytes
        writtenBytes
        retryCount
        attemptCount
        takenOverCount
        peakMemoryBytes
        updatedAt
      }
    }
  }
`);

export type RunOfPage = NonNullable<ResultOf<typeof RUN>["run"]>;

export const RUN_CHANGED = graphql(`
  subscription RunChanged($runId: ID, $integrationId: ID, $since: DateTime) {
    runChanged(runId: $runId, integrationId: $integrationId, since: $since) {
      ...RunRow
    }
  }
`);

export const RUN_EVENTS = graphql(`
  query RunEvents($id: ID!, $first: Int, $after: String) {
    run(id: $id) {
      id
      events(first: $first, after: $after) {
        edges {
          cursor
          node {
            at
            type
            audience
            component
            businessReference
            message
            attributes
          }
        }
        pageInfo {
          hasNextPage
        }
      }
    }
  }
`);

export type RunEventOf = NonNullable<ResultOf<typeof RUN_EVENTS>["run"]>["events"]["edges"][number]["node"];

import { graphql, type ResultOf } from "@/api";

export const RUNS_WITH_LINES = graphql(`
  query RunsWithLines($runs: RunFilter, $logs: LogFilter, $withLogs: Boolean!, $first: Int, $after: String) {
    runs(filter: $runs, first: $first, after: $after) {
      edges {
        node {
          id
          status
          trigger
          queuedAt
          integration {
            id
            name
            tenant {
              id
              name
            }
          }
          events(last: 30) {
            edges {
              node {
                id
                at
                type
                audience
                component
                message
                attributes
              }
            }
          }
          logs(filter: $logs, last: 30) @include(if: $withLogs) {
            edges {
              cursor
              node {
                at
                level
                component
                message
                attributes
              }
            }
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

export type RunWithLines = ResultOf<typeof RUNS_WITH_LINES>["runs"]["edges"][number]["node"];

import { graphql, type ResultOf } from "@/api";

export const MEASURED = graphql(`
  fragment Measured on HealthMetrics {
    from
    to
    runSuccessPercent
    recordSuccessPercent
    latencyP50Ms
    latencyP95Ms
    latencyMeanMs
    recordsPerSecond
    runs {
      succeeded
      partial
      failed
      canceled
    }
    records {
      read
      created
      updated
      unchanged
      skipped
      failed
    }
  }
`);

/** The numbers of the overview: sums of a window, and the same by the hour or day. */
export const HEALTH = graphql(`
  query HealthOfIntegration($id: ID!, $windowHours: Int!, $by: HealthPeriod!, $from: DateTime!) {
    integration(id: $id) {
      id
      healthTargets {
        freshnessSeconds
        runSuccessPercent
        latencyP95Ms
      }
      health(windowHours: $windowHours) {
        metrics {
          ...Measured
        }
        series(by: $by, from: $from) {
          ...Measured
        }
      }
      healthAlerts(filter: { open: true }, first: 10) {
        edges {
          node {
            id
            kind
            observed
            expected
            openedAt
          }
        }
      }
    }
  }
`);

export type HealthOf = NonNullable<ResultOf<typeof HEALTH>["integration"]>;
export type Measured = NonNullable<HealthOf["health"]>["metrics"];

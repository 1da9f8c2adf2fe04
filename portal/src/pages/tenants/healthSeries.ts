import { graphql, type ResultOf } from "@/api";

/** What the pictures of a tenant's and of the platform's health are made of. */
export const HEALTH_PICTURES = graphql(`
  fragment HealthPictures on HealthOverview {
    metrics {
      runSuccessPercent
      recordSuccessPercent
      latencyP50Ms
      latencyP95Ms
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
    series(by: HOUR) {
      from
      latencyP50Ms
      latencyP95Ms
      runs {
        succeeded
        partial
        failed
      }
      records {
        read
        failed
      }
    }
  }
`);

export type HealthOverview = ResultOf<typeof HEALTH_PICTURES>;

import { graphql, type ResultOf } from "@/api";

export const HOME_HEALTH = graphql(`
  fragment HomeHealth on HealthOverview {
    status
    integrations {
      status
      integrations
    }
    metrics {
      runSuccessPercent
      recordSuccessPercent
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
    series(by: $by, from: $from) {
      from
      runSuccessPercent
      recordSuccessPercent
      latencyP50Ms
      latencyP95Ms
      records {
        created
        updated
        unchanged
        skipped
        failed
      }
    }
  }
`);

export const HEALTH_OF_TENANT = graphql(`
  query HomeHealthOfTenant($id: ID!, $windowHours: Int!, $by: HealthPeriod!, $from: DateTime!) {
    tenant(id: $id) {
      id
      health(windowHours: $windowHours) {
        ...HomeHealth
      }
    }
  }
`);

export const HEALTH_OF_ALL = graphql(`
  query HomeHealthOfAll($windowHours: Int!, $by: HealthPeriod!, $from: DateTime!) {
    platformHealth(windowHours: $windowHours) {
      ...HomeHealth
    }
  }
`);

export type HomeHealth = ResultOf<typeof HOME_HEALTH>;

import { graphql, type ResultOf } from "@/api";

/** How an integration is, as lists show it. */
export const HEALTH_ROW = graphql(`
  fragment HealthRow on IntegrationHealth {
    status
    since
    reasons {
      code
      message
    }
    freshness {
      newestSuccessAt
      ageSeconds
      lateAt
      isLate
    }
    lastRun {
      id
      status
      queuedAt
      finishedAt
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
        failed
      }
    }
  }
`);

export const INTEGRATION_ROW = graphql(`
  fragment IntegrationRow on Integration {
    id
    name
    status
    tenant {
      id
      name
    }
    source @include(if: $withSystems) {
      id
      name
    }
    destination @include(if: $withSystems) {
      id
      name
    }
    health @include(if: $withHealth) {
      ...HealthRow
    }
  }
`);

export type HealthRowOf = ResultOf<typeof HEALTH_ROW>;
export type IntegrationRowOf = ResultOf<typeof INTEGRATION_ROW>;

export const INTEGRATIONS = graphql(`
  query Integrations(
    $filter: IntegrationFilter
    $orderBy: IntegrationOrder
    $withSystems: Boolean!
    $withHealth: Boolean!
    $first: Int
    $after: String
  ) {
    integrations(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      edges {
        node {
          ...IntegrationRow
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const HEALTH_CHANGED = graphql(`
  subscription HealthChanged($integrationId: ID, $since: DateTime) {
    healthChanged(integrationId: $integrationId, since: $since) {
      integration {
        id
      }
      ...HealthRow
    }
  }
`);

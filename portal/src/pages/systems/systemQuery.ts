import "@/actions";
import { graphql, type ResultOf } from "@/api";

export const SYSTEM = graphql(`
  query SystemPage($id: ID!) {
    system(id: $id) {
      id
      name
      config
      hasCredentials
      status
      statusMessage
      lastTestedAt
      createdAt
      tenant {
        id
        name
      }
      connector {
        name
        title
        description
        isSource
        isDestination
        configSchema
        credentialsSchema
      }
      authorization {
        grant
        status
        connectedAt
        expiresAt
        scopes
      }
      webhook {
        url
        path
        previousUrlUntil
        receivedCount
        lastReceivedAt
        waitingCount
        waitingBytes
        refusedCount
        lastRefusedAt
        lastRefusal
      }
      rateLimit {
        requestsPerMinute
        burst
      }
      circuit {
        state
        since
        until
        failures
      }
      actions {
        ...SuggestedActionParts
      }
    }
  }
`);

export type SystemOfPage = NonNullable<ResultOf<typeof SYSTEM>["system"]>;

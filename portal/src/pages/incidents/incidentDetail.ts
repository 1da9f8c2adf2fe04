import { graphql, type ResultOf } from "@/api";

/** What the page shows, and mutations answer with. Null to others than staff from `host` on. */
export const INCIDENT_DETAIL = graphql(`
  fragment IncidentDetail on Incident {
    id
    title
    publicMessage
    status
    startedAt
    detectedAt
    resolvedAt
    host
    connectorName
    fault
    severity
    commander
    tenantCount
    systemCount
    createdBy
    postmortem {
      body
      causes
      followUps {
        text
        owner
        dueAt
        isDone
      }
      writtenAt
      writtenBy
    }
  }
`);

export type IncidentDetail = ResultOf<typeof INCIDENT_DETAIL>;

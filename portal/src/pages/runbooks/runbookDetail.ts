import { graphql, type ResultOf } from "@/api";

export const RUNBOOK_DETAIL = graphql(`
  fragment RunbookDetail on Runbook {
    id
    isBuiltIn
    code
    connector
    integration {
      id
      name
    }
    title
    body
    version
    reviewIntervalDays
    lastReviewedAt
    lastReviewedBy
    isReviewOverdue
    updatedAt
    updatedBy
  }
`);

export type RunbookDetail = ResultOf<typeof RUNBOOK_DETAIL>;

export const TITLE_CHARS_MAX = 200;
export const REVIEW_INTERVAL_DAYS_MAX = 1_096;

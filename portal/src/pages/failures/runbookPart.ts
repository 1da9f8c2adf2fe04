import { graphql, type ResultOf } from "@/api";

export const RUNBOOK_PART = graphql(`
  fragment RunbookPart on Runbook {
    id
    title
    body
    isBuiltIn
    isReviewOverdue
    lastReviewedAt
  }
`);

export type RunbookPart = ResultOf<typeof RUNBOOK_PART>;

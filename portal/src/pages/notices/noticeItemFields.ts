import { graphql, type ResultOf } from "@/api";

export const NOTICE_ITEM_FIELDS = graphql(`
  fragment NoticeItemFields on NoticeItem {
    kind
    type
    isRecovery
    at
    integrationId
    runId
    groupId
    failureId
    incidentId
    systemId
    code
    count
    businessReferences
    title
    summary
    actsNext
    action
  }
`);

export type NoticeItemFields = ResultOf<typeof NOTICE_ITEM_FIELDS>;

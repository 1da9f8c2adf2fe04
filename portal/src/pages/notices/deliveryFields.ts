import { graphql, type ResultOf } from "@/api";

/** Attempts are for those who manage notices: `$withAttempts`. */
export const DELIVERY_FIELDS = graphql(`
  fragment DeliveryFields on NoticeDelivery {
    id
    recipient
    status
    nextAttemptAt
    createdAt
    finishedAt
    lastError
    attempts @include(if: $withAttempts) {
      at
      outcome
      durationMs
      httpStatus
      response
      error
    }
  }
`);

export type DeliveryFields = ResultOf<typeof DELIVERY_FIELDS>;

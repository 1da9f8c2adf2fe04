import { graphql, type ResultOf } from "@/api";

export const EXCHANGE_PARTS = graphql(`
  fragment ExchangeParts on Exchange {
    at
    method
    url
    status
    durationMs
    requestHeaders {
      name
      value
    }
    requestBody
    requestBytes
    responseHeaders {
      name
      value
    }
    responseBody
    responseBytes
    redactions {
      field
      reason
    }
  }
`);

export type ExchangeParts = ResultOf<typeof EXCHANGE_PARTS>;

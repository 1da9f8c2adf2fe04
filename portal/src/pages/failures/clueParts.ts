import { graphql, type ResultOf } from "@/api";

export const CLUE_EVENT = graphql(`
  fragment ClueEvent on RunEvent {
    id
    at
    type
    audience
    businessReference
    message
  }
`);

export const CLUE_LOG_LINE = graphql(`
  fragment ClueLogLine on LogLine {
    at
    level
    component
    message
    attributes
  }
`);

export const CLUE_METRIC = graphql(`
  fragment ClueMetric on RunMetrics {
    workedMs
    sourceWaitMs
    destinationWaitMs
    mappingMs
    storingMs
    throttledMs
    recordsPerSecond
    pageCount
    readBytes
    writtenBytes
    retryCount
    attemptCount
    takenOverCount
    peakMemoryBytes
  }
`);

export type ClueEvent = ResultOf<typeof CLUE_EVENT>;
export type ClueLogLine = ResultOf<typeof CLUE_LOG_LINE>;
export type ClueMetric = ResultOf<typeof CLUE_METRIC>;

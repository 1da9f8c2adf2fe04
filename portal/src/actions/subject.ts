import type { FailureFilter } from "@/api/generated/schema";
import type { ActionSubject } from "./suggestedAction";

/** Which failures a retry or a skip takes, as the API wants to hear it. */
export interface FailureChoice {
  /** For `retryPlan`, and for the mutation where there are no ids. */
  filter: FailureFilter;
  /** Exactly these. */
  ids?: readonly string[];
}

/** A retry's plan takes a filter and no ids: a failure is told from others by its record's name and its time. */
export function choiceOf(subject: ActionSubject): FailureChoice {
  if (subject.kind === "group") return { filter: { groupId: subject.id, status: ["OPEN"] } };
  return {
    filter: {
      integrationId: subject.integrationId,
      status: ["OPEN"],
      failedAt: { gte: subject.failedAt, lt: new Date(Date.parse(subject.failedAt) + 1_000).toISOString() },
      ...(subject.businessReference === null ? {} : { businessReference: { eq: subject.businessReference } }),
    },
    ids: [subject.id],
  };
}

/** The part of a mutation's input that names them. */
export function namedBy({ filter, ids }: FailureChoice): { failureIds: string[] } | { filter: FailureFilter } {
  return ids ? { failureIds: [...ids] } : { filter };
}

import { graphql, type ResultOf } from "@/api";
import type { RetryPrediction } from "@/api/generated/schema";

export const RETRY_PLAN = graphql(`
  query RetryPlan($filter: FailureFilter!) {
    retryPlan(filter: $filter) {
      total
      notRetryable
      alreadyWritten
      wouldCreate
      wouldUpdate
      wouldOverwriteNewer
      wouldBeRemoved
      wouldBeLeftOut
      cannotSucceed
      unknown
      unpredicted
      failures(first: 100) {
        failureId
        businessReference
        prediction
        reason
      }
    }
  }
`);

export type RetryPlan = ResultOf<typeof RETRY_PLAN>["retryPlan"];
export type Predicted = RetryPlan["failures"][number];

/** As they are listed: what one hopes for first, what one should look at last. */
export const predictions = [
  "WOULD_CREATE",
  "WOULD_UPDATE",
  "ALREADY_WRITTEN",
  "WOULD_BE_REMOVED",
  "WOULD_BE_LEFT_OUT",
  "UNKNOWN",
  "WOULD_OVERWRITE_NEWER",
  "CANNOT_SUCCEED",
] as const satisfies readonly RetryPrediction[];

/** What nobody wants without a second thought is not ticked at first. */
export const unwanted: readonly RetryPrediction[] = ["WOULD_OVERWRITE_NEWER", "CANNOT_SUCCEED"];

/** `only` of a retry takes so many failures. */
export const PREDICTED_MAX = 10_000;

export interface Foresight {
  counts: Readonly<Record<RetryPrediction, number>>;
  /** Of those nothing is told in advance. */
  unpredicted: number;
  total: number;
  examples: (prediction: RetryPrediction) => readonly Predicted[];
}

/** The plan's counts; where some were chosen by id, theirs alone. */
export function foresee(plan: RetryPlan, ids?: readonly string[]): Foresight {
  const chosen = ids && new Set(ids);
  const listed = chosen ? plan.failures.filter(({ failureId }) => chosen.has(failureId)) : plan.failures;
  const examples = (prediction: RetryPrediction) => listed.filter((failure) => failure.prediction === prediction);
  if (ids) {
    const counts = Object.fromEntries(predictions.map((each) => [each, examples(each).length])) as Record<RetryPrediction, number>;
    return { counts, unpredicted: ids.length - listed.length, total: ids.length, examples };
  }
  const counts = {
    WOULD_CREATE: plan.wouldCreate,
    WOULD_UPDATE: plan.wouldUpdate,
    ALREADY_WRITTEN: plan.alreadyWritten,
    WOULD_BE_REMOVED: plan.wouldBeRemoved,
    WOULD_BE_LEFT_OUT: plan.wouldBeLeftOut,
    UNKNOWN: plan.unknown,
    WOULD_OVERWRITE_NEWER: plan.wouldOverwriteNewer,
    CANNOT_SUCCEED: plan.cannotSucceed,
  };
  return { counts, unpredicted: plan.unpredicted, total: plan.total, examples };
}

/** What is ticked at first: everything that is there and wanted; of a plan with nothing else, all of it. */
export function tickedAtFirst({ counts }: Foresight): ReadonlySet<RetryPrediction> {
  const there = predictions.filter((each) => counts[each] > 0);
  const wanted = there.filter((each) => !unwanted.includes(each));
  return new Set(wanted.length > 0 ? wanted : there);
}

/** `only` for the mutation; null where nothing is left out, which also takes what nobody foresaw. */
export function onlyOf({ counts }: Foresight, ticked: ReadonlySet<RetryPrediction>): RetryPrediction[] | null {
  const there = predictions.filter((each) => counts[each] > 0);
  return there.every((each) => ticked.has(each)) ? null : there.filter((each) => ticked.has(each));
}

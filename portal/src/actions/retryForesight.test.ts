import { expect, test } from "vitest";
import { foresee, onlyOf, tickedAtFirst, type RetryPlan } from "./retryForesight";

const predicted = (failureId: string, prediction: RetryPlan["failures"][number]["prediction"]) => ({
  failureId,
  businessReference: failureId,
  prediction,
  reason: "because",
});

const plan: RetryPlan = {
  total: 500,
  notRetryable: 0,
  wouldCreate: 400,
  wouldUpdate: 0,
  alreadyWritten: 0,
  wouldOverwriteNewer: 90,
  wouldBeRemoved: 0,
  wouldBeLeftOut: 0,
  cannotSucceed: 10,
  unknown: 0,
  unpredicted: 0,
  failures: [predicted("a", "WOULD_CREATE"), predicted("b", "WOULD_OVERWRITE_NEWER")],
};

test("what would put older over newer, or fail again, is left out unless one ticks it", () => {
  const foresight = foresee(plan);
  const ticked = tickedAtFirst(foresight);
  expect([...ticked]).toEqual(["WOULD_CREATE"]);
  expect(onlyOf(foresight, ticked)).toEqual(["WOULD_CREATE"]);
  expect(onlyOf(foresight, new Set(["WOULD_CREATE", "WOULD_OVERWRITE_NEWER", "CANNOT_SUCCEED"]))).toBeNull();
});

test("of some that were chosen only theirs is counted, and the rest is not foreseen", () => {
  const foresight = foresee(plan, ["b", "c"]);
  expect(foresight.counts.WOULD_OVERWRITE_NEWER).toBe(1);
  expect(foresight.counts.WOULD_CREATE).toBe(0);
  expect(foresight.unpredicted).toBe(1);
  expect([...tickedAtFirst(foresight)]).toEqual(["WOULD_OVERWRITE_NEWER"]);
});

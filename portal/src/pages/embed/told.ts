import { mapExchange, type Exchange } from "@urql/core";

/** Mutations that pages around are told of, each under a name of theirs; any other is told as `done`. */
const names: Record<string, string> = {
  retryFailures: "retried",
  editAndRetryFailure: "retried",
  retryRun: "retried",
  cancelRetry: "retry-canceled",
  skipFailures: "skipped",
  startRun: "run-started",
  startRuns: "run-started",
  cancelRun: "run-canceled",
  acknowledgeFailureGroup: "acknowledged",
  snoozeFailureGroup: "snoozed",
  resolveFailureGroup: "resolved",
  reopenFailureGroup: "reopened",
  handOverFailureGroup: "handed-over",
  commentFailureGroup: "commented",
  assignFailureGroup: "assigned",
  releaseQuarantine: "released",
};

/** Tells of each mutation that was done: its name, and its payload as far as it was asked for. */
export function telling(tell: (name: string, detail: object) => void): Exchange {
  return mapExchange({
    onResult({ operation, data }) {
      if (operation.kind !== "mutation" || typeof data !== "object" || data === null) return;
      for (const [mutation, payload] of Object.entries(data as Record<string, unknown>)) {
        if (wasDone(payload)) tell(names[mutation] ?? "done", { mutation, payload });
      }
    },
  });
}

function wasDone(payload: unknown): boolean {
  if (typeof payload !== "object" || payload === null) return false;
  const errors = (payload as { userErrors?: unknown }).userErrors;
  return !Array.isArray(errors) || errors.length === 0;
}

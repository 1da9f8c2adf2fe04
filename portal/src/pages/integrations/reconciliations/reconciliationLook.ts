import type { ReconciliationOutcome, ReconciliationStatus } from "@/api/generated/schema";
import type { Tone } from "@/ui";

export const statusTones: Record<ReconciliationStatus, Tone> = {
  PENDING: "neutral",
  RUNNING: "info",
  MATCHED: "success",
  DRIFTED: "danger",
  UNKNOWN: "warning",
  FAILED: "danger",
  CANCELED: "neutral",
};

export const outcomeTones: Record<ReconciliationOutcome, Tone> = { MATCHED: "success", DRIFTED: "danger", UNKNOWN: "warning" };

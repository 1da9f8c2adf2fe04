import type { AuditOutcome } from "@/api/generated/schema";

export const outcomes: readonly AuditOutcome[] = ["SUCCEEDED", "UNCHANGED", "REJECTED", "DENIED", "FAILED"];

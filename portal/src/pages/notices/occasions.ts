import type { OccasionKind } from "@/api/generated/schema";

export const occasions: readonly OccasionKind[] = [
  "RUN_FAILED", "RUN_PARTIAL", "RECOVERED", "GROUP_NEW", "GROUP_ESCALATING", "GROUP_REGRESSED", "GROUP_RESOLVED", "HELD", "RESUMED",
  "REAUTH_REQUIRED", "REAUTHORIZED", "LATE", "VOLUME_ANOMALY", "HEALTH_ALERT", "HEALTH_RESTORED", "INCIDENT_OPENED",
  "INCIDENT_UPDATED", "INCIDENT_RESOLVED", "SYNTHETIC_FAILED", "SYNTHETIC_PASSED", "RECORDS_EXPIRING", "ESCALATED",
  "CHANNEL_DISABLED", "SLA_WARNING", "SLA_BREACHED",
];

/** The operator alone is told of these. */
const ofOperator: readonly OccasionKind[] = ["SLA_WARNING", "SLA_BREACHED"];

export function occasionsFor(isOperators: boolean): readonly OccasionKind[] {
  return isOperators ? occasions : occasions.filter((kind) => !ofOperator.includes(kind));
}

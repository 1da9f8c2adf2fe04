import type { IncidentFault, IncidentSeverity, IncidentStatus } from "@/api/generated/schema";

export const statuses = ["INVESTIGATING", "IDENTIFIED", "MONITORING", "RESOLVED"] as const satisfies readonly IncidentStatus[];
export const severities = ["MINOR", "MAJOR", "CRITICAL"] as const satisfies readonly IncidentSeverity[];
export const faults = ["UNAVAILABLE", "RATE_LIMITED"] as const satisfies readonly IncidentFault[];

/** No subscription tells of incidents, so what is on the page is read again. */
export const READ_AGAIN_MS = 20_000;

/** Of what those who are hit read, and of notes. */
export const TEXT_CHARS_MAX = 4_000;

import type { FailureCategory, ResponsibleParty } from "@/api/generated/schema";

export const parties = ["CUSTOMER", "SUPPORT", "ENGINEERING", "THIRD_PARTY"] as const satisfies readonly ResponsibleParty[];

export const categories = [
  "USER_ACTION",
  "UNSUPPORTED_DATA",
  "INTEGRATION_DESIGN",
  "APPLICATION",
  "INFRASTRUCTURE",
] as const satisfies readonly FailureCategory[];

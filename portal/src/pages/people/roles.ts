import type { Role } from "@/api/generated/schema";

export const staffRoles = ["PLATFORM_ADMIN", "ENGINEER", "SUPPORT"] as const satisfies readonly Role[];
export const tenantRoles = ["TENANT_ADMIN", "TENANT_MEMBER", "TENANT_VIEWER"] as const satisfies readonly Role[];

/** Staff stay staff, and people of a tenant stay its people. */
export function isStaffRole(role: string): boolean {
  return (staffRoles as readonly string[]).includes(role);
}

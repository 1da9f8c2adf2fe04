import { useIsStaff, useTenantScope } from "@/app/session";

interface Owner {
  /** Whose contacts and rules are looked at; null for the operator's. */
  tenantId: string | null;
  /** The same as a filter of lists. */
  filter: { tenantId: string } | { isOperators: true };
}

/** Whose contacts and rules these are: a tenant's own, and to staff those of the tenant that they chose, or else the operator's. */
export function useOwner(): Owner {
  const { tenant } = useTenantScope();
  const isStaff = useIsStaff();
  if (tenant) return { tenantId: tenant.id, filter: { tenantId: tenant.id } };
  if (!isStaff) throw new Error("a tenant's people are of a tenant");
  return { tenantId: null, filter: { isOperators: true } };
}

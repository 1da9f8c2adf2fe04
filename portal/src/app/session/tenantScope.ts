import { createContext, use } from "react";

export interface ScopedTenant {
  id: string;
  name: string;
}

interface TenantScope {
  /** Null: all tenants. To people of a tenant it is theirs, for good. */
  tenant: ScopedTenant | null;
  choose: (tenant: ScopedTenant | null) => void;
}

export const TenantScopeContext = createContext<TenantScope | null>(null);

/** The tenant that lists are about. Staff choose it beside the navigation; pass `tenant?.id` to filters. */
export function useTenantScope(): TenantScope {
  const scope = use(TenantScopeContext);
  if (!scope) throw new Error("there is no tenant to choose here");
  return scope;
}

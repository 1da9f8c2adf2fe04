import { useMemo, useState, type ReactNode } from "react";
import { TenantScopeContext, type ScopedTenant } from "./tenantScope";
import { useViewer } from "./viewer";

const KEY = "trestle.tenant";

/** Remembers the tenant that somebody of the staff is at, for as long as the tab is open. */
export function TenantScopeProvider({ children }: { children: ReactNode }) {
  const { tenant: own } = useViewer();
  const [chosen, setChosen] = useState<ScopedTenant | null>(
    () => JSON.parse(sessionStorage.getItem(KEY) ?? "null") as ScopedTenant | null,
  );
  const scope = useMemo(
    () => ({
      tenant: own ?? chosen,
      choose: (tenant: ScopedTenant | null) => {
        sessionStorage.setItem(KEY, JSON.stringify(tenant));
        setChosen(tenant);
      },
    }),
    [own, chosen],
  );
  return <TenantScopeContext value={scope}>{children}</TenantScopeContext>;
}

import type { Client } from "@urql/core";
import { useMemo, type ReactNode } from "react";
import { Provider } from "urql";
import { TenantScopeContext } from "@/app/session/tenantScope";
import { ViewAsContext } from "@/app/session/viewAs";
import { useViewer } from "@/app/session/viewer";
import { ViewerProvider } from "@/app/session/ViewerProvider";
import { Waiting } from "@/app/Waiting";
import { EmbeddedRoutes } from "./EmbeddedRoutes";
import { HostContext, type Host } from "./host";

interface EmbeddedPartProps {
  client: Client;
  host: Host;
  /** Where it begins, and where what is not there leads back to. */
  start: string;
}

/** A part of the portal in somebody else's page, in the name of a portal session: pages without what is around them. */
export function EmbeddedPart({ client, host, start }: EmbeddedPartProps) {
  return (
    <HostContext value={host}>
      <Provider value={client}>
        <ViewerProvider>
          <OneTenant>
            <Waiting>
              <EmbeddedRoutes start={start} />
            </Waiting>
          </OneTenant>
        </ViewerProvider>
      </Provider>
    </HostContext>
  );
}

const ignore = () => undefined;

/** A portal session is of one tenant, and nobody else is seen as. */
function OneTenant({ children }: { children: ReactNode }) {
  const { tenant } = useViewer();
  const scope = useMemo(() => ({ tenant: tenant ?? null, choose: ignore }), [tenant]);
  const viewAs = useMemo(() => ({ seenAs: null, start: ignore, leave: ignore }), []);
  return (
    <TenantScopeContext value={scope}>
      <ViewAsContext value={viewAs}>{children}</ViewAsContext>
    </TenantScopeContext>
  );
}

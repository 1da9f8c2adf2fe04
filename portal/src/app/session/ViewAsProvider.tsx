import { useMemo, useState, type ReactNode } from "react";
import { Provider, useClient } from "urql";
import { createApi } from "@/api";
import { language } from "@/i18n";
import { PortalSession } from "./portalSession";
import { ViewAsContext, type SeenAs } from "./viewAs";

/** Below it, everything is read in the name of whoever is viewed as. */
export function ViewAsProvider({ children }: { children: ReactNode }) {
  const own = useClient();
  const [seenAs, setSeenAs] = useState<SeenAs | null>(null);
  const token = seenAs?.token;
  const client = useMemo(
    () => (token === undefined ? own : createApi({ session: new PortalSession(token), language })),
    [own, token],
  );
  const context = useMemo(() => ({ seenAs, start: setSeenAs, leave: () => setSeenAs(null) }), [seenAs]);
  return (
    <ViewAsContext value={context}>
      <Provider key={token ?? "own"} value={client}>
        {children}
      </Provider>
    </ViewAsContext>
  );
}

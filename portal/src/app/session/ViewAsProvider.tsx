import { useMemo, useState, type ReactNode } from "react";
import { Provider, useClient } from "urql";
import { createApi } from "@/api";
import { language } from "@/i18n";
import { PortalSession } from "./portalSession";
import { VIEW_AS, ViewAsContext, type SeenAs } from "./viewAs";

/** Below it, everything is read as whoever is viewed as reads it. */
export function ViewAsProvider({ children }: { children: ReactNode }) {
  const own = useClient();
  const [seenAs, setSeenAs] = useState<SeenAs | null>(null);
  const client = useMemo(() => {
    if (seenAs === null) return own;
    const { token, tenantId, role } = seenAs;
    // A view is short: the next one is asked for in one's own name.
    const ask = async () => (await own.mutation(VIEW_AS, { input: { tenantId, role } }).toPromise()).data?.viewAs.token ?? null;
    return createApi({ session: new PortalSession(token, ask), language });
  }, [own, seenAs]);
  const context = useMemo(() => ({ seenAs, start: setSeenAs, leave: () => setSeenAs(null) }), [seenAs]);
  return (
    <ViewAsContext value={context}>
      <Provider key={seenAs?.token ?? "own"} value={client}>
        {children}
      </Provider>
    </ViewAsContext>
  );
}

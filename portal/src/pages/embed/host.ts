import { createContext, use } from "react";

/** What a part can ask of the page around it. */
export interface Host {
  /** Tells it what happened; `name` without the `trestle-` in front. */
  tell: (name: string, detail: object) => void;
  /** A link that its server made with `createConnectLink`; null where it gives none. */
  connectLink: (systemId: string) => Promise<string | null>;
}

export const HostContext = createContext<Host | null>(null);

export function useHost(): Host {
  const host = use(HostContext);
  if (!host) throw new Error("there is no page around this");
  return host;
}

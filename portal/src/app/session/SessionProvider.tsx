import { createContext, use, useMemo, useSyncExternalStore, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Provider } from "urql";
import { createApi } from "@/api";
import { language } from "@/i18n";
import { PersonSession } from "./personSession";

const session = new PersonSession(language);

const SessionContext = createContext(session);

/** Goes on where this browser was signed in; tells whether it was. Only the server knows whether it still is. */
export function startSession(): boolean {
  return session.start();
}

/** The session of this browser, and the client that asks in its name. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const { generation } = useSyncExternalStore(session.subscribe, session.state);
  const { i18n } = useTranslation();
  const spoken = i18n.resolvedLanguage;
  // Another person or language reads something else, so nothing that was read before is kept.
  const client = useMemo(
    () => createApi({ session, language }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- these are the reasons for another one
    [generation, spoken],
  );
  return (
    <SessionContext value={session}>
      <Provider value={client}>{children}</Provider>
    </SessionContext>
  );
}

export function useSession(): PersonSession {
  return use(SessionContext);
}

export function useSessionStatus() {
  const current = useSession();
  return useSyncExternalStore(current.subscribe, current.state).status;
}

import { useMemo } from "react";
import { Outlet } from "react-router";
import { Provider } from "urql";
import { createApi } from "@/api";
import { language } from "@/i18n";
import styles from "./EmbedFrame.module.css";
import { PortalSession } from "./session/portalSession";
import { useTokenOfAddress } from "./session/useTokenOfAddress";
import { ViewerProvider } from "./session/ViewerProvider";
import { Waiting } from "./Waiting";

/** A page within another's, in the name of a portal session: `/embed/inbox#token=…`. It has no navigation. */
export default function EmbedFrame() {
  const token = useTokenOfAddress();
  const client = useMemo(() => createApi({ session: new PortalSession(token), language }), [token]);
  return (
    <Provider value={client}>
      <ViewerProvider>
        <main className={styles.frame}>
          <Waiting>
            <Outlet />
          </Waiting>
        </main>
      </ViewerProvider>
    </Provider>
  );
}

import { useEffect, useMemo, useRef, useState } from "react";
import { I18nProvider } from "react-aria-components/I18nProvider";
import { BrowserRouter } from "react-router";
import { createApi } from "@/api";
import { ErrorBoundary } from "@/app/ErrorBoundary";
import { PortalSession } from "@/app/session/portalSession";
import { useTokenOfAddress } from "@/app/session/useTokenOfAddress";
import { language, useLanguage } from "@/i18n";
import { Toasts } from "@/ui";
import styles from "./EmbeddedApp.module.css";
import { EmbeddedPart } from "./EmbeddedPart";
import { FrameHost, nobodyAround } from "./frameHost";
import { telling } from "./told";

/** Higher than that a frame scrolls by itself: a list whose frame grew with it would never come to its end. */
const HEIGHT_PX_MAX = 3_000;

/** Pages below `/embed/`, by link or in a frame: `/embed/inbox#token=…`. */
export default function EmbeddedApp() {
  const token = useTokenOfAddress();
  const [around] = useState(() => FrameHost.around(window));
  const host = around ?? nobodyAround;
  const client = useMemo(
    () => createApi({ session: new PortalSession(token, around?.askToken), language, exchange: telling(host.tell) }),
    [token, around, host],
  );
  const frame = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!around || !frame.current) return;
    const element = frame.current;
    const observer = new ResizeObserver(() =>
      around.tellHeight(Math.min(HEIGHT_PX_MAX, Math.ceil(element.getBoundingClientRect().height))),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [around]);
  return (
    <I18nProvider locale={useLanguage()}>
      <BrowserRouter basename="/embed">
        <main ref={frame} className={styles.frame}>
          <ErrorBoundary>
            <EmbeddedPart client={client} host={host} start="/inbox" />
          </ErrorBoundary>
        </main>
        <Toasts />
      </BrowserRouter>
    </I18nProvider>
  );
}

import { use, useMemo, useState } from "react";
import { UNSAFE_PortalProvider as PortalProvider } from "react-aria/PortalProvider";
import { I18nProvider } from "react-aria-components/I18nProvider";
import { I18nextProvider } from "react-i18next";
import { createApi } from "@/api";
import { ErrorBoundary } from "@/app/ErrorBoundary";
import { localeOf, textsIn, type Language } from "@/i18n";
import { EmbeddedPart } from "@/pages/embed/EmbeddedPart";
import { telling } from "@/pages/embed/told";
import { Part, PartContext } from "@/ui/part";
import { ElementRouter } from "./ElementRouter";
import { ElementToasts } from "./ElementToasts";
import type { PartProps } from "./mount";

/** Everything that an element shows, and what it stands on. */
export function ElementRoot({ session, url, language: spoken, start, element, overlays, host }: PartProps & { language: Language }) {
  const texts = use(textsIn(spoken));
  const client = useMemo(
    () =>
      createApi({ session, url: new URL("/graphql", url).href, language: () => spoken, exchange: telling(host.tell) }),
    [session, url, spoken, host],
  );
  const [part] = useState(() => new Part(true));
  return (
    <I18nextProvider i18n={texts}>
      <I18nProvider locale={localeOf(spoken)}>
        <PortalProvider getContainer={() => overlays}>
          <PartContext value={part}>
            <ElementRouter start={start} element={element}>
              <ErrorBoundary>
                <EmbeddedPart client={client} host={host} start={start} />
              </ErrorBoundary>
              <ElementToasts element={element} />
            </ElementRouter>
          </PartContext>
        </PortalProvider>
      </I18nProvider>
    </I18nextProvider>
  );
}

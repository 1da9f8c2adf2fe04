import { I18nProvider } from "react-aria-components/I18nProvider";
import { BrowserRouter } from "react-router";
import { useLanguage } from "@/i18n";
import { ErrorBoundary } from "./ErrorBoundary";
import { Router } from "./Router";
import { SessionProvider } from "./session/SessionProvider";

/** The whole of it. */
export function App() {
  return (
    <I18nProvider locale={useLanguage()}>
      <ErrorBoundary>
        <SessionProvider>
          <BrowserRouter>
            <Router />
          </BrowserRouter>
        </SessionProvider>
      </ErrorBoundary>
    </I18nProvider>
  );
}

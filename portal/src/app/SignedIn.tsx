import { useTranslation } from "react-i18next";
import { Navigate, useLocation } from "react-router";
import { Banner, Button, Skeleton } from "@/ui";
import { useSession, useSessionStatus } from "./session/SessionProvider";
import { TenantScopeProvider } from "./session/TenantScopeProvider";
import { ViewAsProvider } from "./session/ViewAsProvider";
import { ViewerProvider } from "./session/ViewerProvider";
import { Shell } from "./shell/Shell";

/** What is there only for those who are signed in; others sign in first, and come back. */
export default function SignedIn() {
  const { t } = useTranslation("common");
  const session = useSession();
  const status = useSessionStatus();
  const { pathname, search } = useLocation();
  if (status === "starting") return <Skeleton lines={6} />;
  if (status === "unreachable") {
    return (
      <Banner
        tone="danger"
        title={t("problem.offline.title")}
        actions={<Button onPress={() => void session.renew()}>{t("tryAgain")}</Button>}
      >
        {t("problem.offline.help")}
      </Banner>
    );
  }
  if (status === "signedOut") {
    const next = pathname === "/" ? "" : `?next=${encodeURIComponent(pathname + search)}`;
    return <Navigate to={`/sign-in${next}`} replace />;
  }
  return (
    <ViewAsProvider>
      <ViewerProvider>
        <TenantScopeProvider>
          <Shell />
        </TenantScopeProvider>
      </ViewerProvider>
    </ViewAsProvider>
  );
}

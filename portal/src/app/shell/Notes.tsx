import { useTranslation } from "react-i18next";
import { useLocation } from "react-router";
import { Banner, Button, ButtonLink } from "@/ui";
import { useViewAs } from "../session/viewAs";
import { useViewer } from "../session/viewer";

/** What concerns every page: whose view this is, a tenant that is suspended, a second factor that is missing. */
export function Notes() {
  const { t } = useTranslation("common");
  const { seenAs, leave } = useViewAs();
  const { tenant, secondFactorRequired } = useViewer();
  const { pathname } = useLocation();
  return (
    <>
      {seenAs && (
        <Banner actions={<Button size="small" onPress={leave}>{t("shell.viewAs.leave")}</Button>}>
          {t("shell.viewAs.banner", { name: seenAs.name })}
        </Banner>
      )}
      {tenant?.status === "SUSPENDED" && (
        <Banner tone="warning">{t("shell.suspended", { name: tenant.name, reason: tenant.statusReason ?? "" })}</Banner>
      )}
      {secondFactorRequired && pathname !== "/settings" && (
        <Banner
          tone="warning"
          title={t("shell.secondFactor.title")}
          actions={<ButtonLink to="/settings">{t("shell.secondFactor.action")}</ButtonLink>}
        >
          {t("shell.secondFactor.help")}
        </Banner>
      )}
    </>
  );
}

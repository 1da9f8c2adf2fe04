import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { NotFound, Page, Tabs } from "@/ui";
import { ApiKeyList } from "./ApiKeyList";
import { IdentityProviderList } from "./IdentityProviderList";
import { PortalKeyList } from "./PortalKeyList";
import { PortalSessionList } from "./PortalSessionList";

/** What programs and portals sign in with, and where people do. */
export default function Keys() {
  const { t } = useTranslation(["keys", "common"]);
  const mayKeys = usePermission("api_keys:manage");
  const maySessions = usePermission("portal_sessions:create");
  const mayProviders = usePermission("identity_providers:manage");
  if (!mayKeys && !maySessions && !mayProviders) return <NotFound />;
  return (
    <Page title={t("common:navigation.keys")} description={t("lead")}>
      <Tabs
        label={t("common:navigation.keys")}
        tabs={[
          ...(mayKeys
            ? [
                { id: "api-keys", label: t("tab.apiKeys"), content: () => <ApiKeyList /> },
                { id: "portal-keys", label: t("tab.portalKeys"), content: () => <PortalKeyList /> },
              ]
            : []),
          ...(maySessions ? [{ id: "sessions", label: t("tab.sessions"), content: () => <PortalSessionList /> }] : []),
          ...(mayProviders ? [{ id: "providers", label: t("tab.providers"), content: () => <IdentityProviderList /> }] : []),
        ]}
      />
    </Page>
  );
}

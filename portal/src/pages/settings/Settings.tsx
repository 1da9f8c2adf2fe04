import { useTranslation } from "react-i18next";
import { usePermission, useViewer } from "@/app/session";
import { NotFound, Page } from "@/ui";
import { AppearanceCard } from "./AppearanceCard";
import { EmailCard } from "./EmailCard";
import { OrganisationCard } from "./OrganisationCard";
import { PasswordCard } from "./PasswordCard";
import { SecondFactorCard } from "./SecondFactorCard";
import { SessionsCard } from "./SessionsCard";

/** One's own account. Of an organisation's administrator also what they allow the operator's staff. */
export default function Settings() {
  const { t } = useTranslation("common");
  const { user, tenant } = useViewer();
  const maySupport = usePermission("support_access:manage");
  if (!user) return <NotFound />;
  return (
    <Page title={t("navigation.settings")} width="narrow" description={user.name}>
      <SecondFactorCard />
      <PasswordCard />
      <EmailCard />
      <SessionsCard />
      <AppearanceCard />
      {tenant && maySupport && <OrganisationCard tenantId={tenant.id} />}
    </Page>
  );
}

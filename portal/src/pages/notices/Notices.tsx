import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { NotFound, Page, Tabs } from "@/ui";
import { ChannelList } from "./ChannelList";
import { DeliveryList } from "./DeliveryList";
import { NoticeList } from "./NoticeList";
import { NoticeSheet } from "./NoticeSheet";
import { PolicyList } from "./PolicyList";

/** What was told to whom, and whether it arrived; where it is told, and when. */
export default function Notices() {
  const { t } = useTranslation(["notices", "common"]);
  const mayRead = usePermission("notices:read");
  if (!mayRead) return <NotFound />;
  return (
    <Page title={t("common:navigation.notices")} description={t("lead")}>
      <Tabs
        label={t("common:navigation.notices")}
        tabs={[
          { id: "told", label: t("tab.told"), content: () => <NoticeList /> },
          { id: "deliveries", label: t("tab.deliveries"), content: () => <DeliveryList /> },
          { id: "channels", label: t("tab.channels"), content: () => <ChannelList /> },
          { id: "policies", label: t("tab.policies"), content: () => <PolicyList /> },
        ]}
      />
      <NoticeSheet />
    </Page>
  );
}

import { MailPlus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { Button, NotFound, Page, Tabs } from "@/ui";
import { InvitationList } from "./InvitationList";
import { PersonDialog } from "./PersonDialog";
import { UserList } from "./UserList";

/** Who may sign in, and who was asked to. */
export default function People() {
  const { t } = useTranslation(["people", "common"]);
  const mayRead = usePermission("users:read");
  const mayManage = usePermission("users:manage");
  const [adding, setAdding] = useState<"invitation" | "password" | null>(null);
  if (!mayRead) return <NotFound />;
  return (
    <Page
      title={t("common:navigation.people")}
      description={t("lead")}
      actions={
        mayManage && (
          <>
            <Button onPress={() => setAdding("password")}>{t("add.action")}</Button>
            <Button kind="primary" icon={<MailPlus size={16} aria-hidden />} onPress={() => setAdding("invitation")}>
              {t("invite.action")}
            </Button>
          </>
        )
      }
    >
      <Tabs
        label={t("common:navigation.people")}
        tabs={[
          { id: "people", label: t("tab.people"), content: () => <UserList /> },
          { id: "invitations", label: t("tab.invitations"), content: () => <InvitationList /> },
        ]}
      />
      {adding && (
        <PersonDialog way={adding} onClose={() => setAdding(null)} onOtherWay={() => setAdding("password")} />
      )}
    </Page>
  );
}

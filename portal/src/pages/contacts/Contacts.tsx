import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { Page, Tabs } from "@/ui";
import { ContactList } from "./ContactList";
import { OwnershipRules } from "./OwnershipRules";

/** Who is reached about what: people and teams, and the rules by which failures become theirs. */
export default function Contacts() {
  const { t } = useTranslation("contacts");
  const maySeeRules = usePermission("ownership_rules:manage");
  return (
    <Page title={t("title")} description={t("lead")}>
      {maySeeRules ? (
        <Tabs
          label={t("title")}
          tabs={[
            { id: "people", label: t("people"), content: () => <ContactList /> },
            { id: "rules", label: t("rules.title"), content: () => <OwnershipRules /> },
          ]}
        />
      ) : (
        <ContactList />
      )}
    </Page>
  );
}

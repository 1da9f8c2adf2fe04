import { useTranslation } from "react-i18next";
import { Page, Tabs } from "@/ui";
import { OpenEscalations } from "./OpenEscalations";
import { Policies } from "./Policies";
import { SlaReport } from "./SlaReport";

/** What happens when nobody takes a failure up: where it stands, by which policy, and how promises are kept. */
export default function Escalations() {
  const { t } = useTranslation("escalations");
  return (
    <Page title={t("title")} description={t("lead")} width="wide">
      <Tabs
        label={t("title")}
        tabs={[
          { id: "open", label: t("open.title"), content: () => <OpenEscalations /> },
          { id: "policies", label: t("policies.title"), content: () => <Policies /> },
          { id: "promises", label: t("promises.title"), content: () => <SlaReport /> },
        ]}
      />
    </Page>
  );
}

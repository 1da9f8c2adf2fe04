import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { NotFound, Page, useAddress } from "@/ui";
import { Steps } from "@/ui/Steps";
import { ChooseConnector } from "./setup/ChooseConnector";
import { SetUp } from "./setup/SetUp";
import { TryOut } from "./setup/TryOut";

/** A system is connected in steps, each with its own address, so that one can go back, come again, and be sent back to it. */
export default function NewSystem() {
  const { t } = useTranslation("systems");
  const [address] = useAddress();
  const systemId = address.get("system");
  const connector = address.get("connector");
  const step = systemId !== null ? "try" : connector !== null ? "set" : "choose";
  if (!usePermission("systems:write")) return <NotFound />;
  return (
    <Page title={t("setup.title")} description={t("setup.lead")} breadcrumbs={[{ label: t("title"), to: "/systems" }]} width={step === "choose" ? "normal" : "narrow"}>
      <Steps
        label={t("setup.steps")}
        current={step}
        steps={[
          { id: "choose", label: t("setup.step.choose") },
          { id: "set", label: t("setup.step.set") },
          { id: "try", label: t("setup.step.try") },
        ]}
      />
      {systemId !== null ? <TryOut key={systemId} systemId={systemId} /> : connector !== null ? <SetUp key={connector} name={connector} /> : <ChooseConnector />}
    </Page>
  );
}

import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { NotFound, Page } from "@/ui";
import { CircuitsCard } from "./CircuitsCard";
import styles from "./Operations.module.css";
import { PlatformCard } from "./PlatformCard";
import { QueueCard } from "./QueueCard";
import { ReadinessCard } from "./ReadinessCard";
import { WorkersCard } from "./WorkersCard";

/** How the installation itself is: dependencies, workers, queue, outside systems, and what comes of it all. */
export default function Operations() {
  const { t } = useTranslation(["operations", "common"]);
  const mayRead = usePermission("diagnostics:read");
  if (!mayRead) return <NotFound />;
  return (
    <Page title={t("common:navigation.operations")} description={t("lead")} width="wide">
      <div className={styles.top}>
        <ReadinessCard />
        <WorkersCard />
      </div>
      <QueueCard />
      <CircuitsCard />
      <PlatformCard />
    </Page>
  );
}

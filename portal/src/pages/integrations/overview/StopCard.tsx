import { PowerOff } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, Card } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import styles from "./Overview.module.css";
import { StopDialog } from "./StopDialog";
import { useEngagedSwitches } from "./useEngagedSwitches";

/** The kill switch of an integration, for those who may engage one. */
export function StopCard({ integration }: { integration: IntegrationOfPage }) {
  const { t } = useTranslation("integrations");
  const [isStopping, setIsStopping] = useState(false);
  const engaged = useEngagedSwitches(integration);
  if (!engaged || integration.status === "ARCHIVED") return null;
  return (
    <Card title={t("switches.title")}>
      <p className={styles.muted}>{t(engaged.length === 0 ? "switches.none" : "switches.engaged")}</p>
      {!engaged.some(({ scope }) => scope === "INTEGRATION") && (
        <div>
          <Button icon={<PowerOff size={16} aria-hidden />} onPress={() => setIsStopping(true)}>
            {t("switches.stop")}
          </Button>
        </div>
      )}
      <StopDialog integrationId={integration.id} isOpen={isStopping} onClose={() => setIsStopping(false)} />
    </Card>
  );
}

import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLive, useThrottled } from "@/api";
import { usePermission } from "@/app/session";
import { isOver } from "@/pages/runs/runRow";
import { RUN_CHANGED } from "@/pages/runs/runQuery";
import { Select, useAddress } from "@/ui";
import { DropZone } from "../upload/DropZone";
import type { IntegrationOfPage } from "../integrationQuery";
import { Contacts } from "./Contacts";
import { EngagedSwitches } from "./EngagedSwitches";
import { Facts } from "./Facts";
import { HealthNumbers } from "./HealthNumbers";
import { Kpis } from "./Kpis";
import styles from "./Overview.module.css";
import { periodOf, periods } from "./period";
import { Standing } from "./Standing";
import { StopCard } from "./StopCard";

const RENEW_MS = 3_000;

/** How an integration is: why it stands still and what helps, its numbers and pictures, who is there for it. */
export function Overview({ integration, onChange }: { integration: IntegrationOfPage; onChange: () => void }) {
  const { t } = useTranslation("integrations");
  const [address, setAddress] = useAddress();
  const readsRuns = usePermission("runs:read");
  const readsContacts = usePermission("contacts:read");
  const managesSwitches = usePermission("kill_switches:manage");
  // Each run that ends changes the numbers; many may end in a moment.
  const [ended, setEnded] = useState(0);
  const renew = useThrottled(() => {
    setEnded((count) => count + 1);
    onChange();
  }, RENEW_MS);
  useLive(RUN_CHANGED, {
    variables: { integrationId: integration.id },
    paused: !readsRuns || integration.status === "ARCHIVED",
    onChange: ({ runChanged }) => {
      if (isOver(runChanged)) renew();
    },
    onBehind: renew,
  });
  const period = periodOf(address.get("period"));
  return (
    <>
      <EngagedSwitches integration={integration} />
      <Standing integration={integration} onChange={onChange} />
      <DropZone integration={integration} />
      {readsRuns && (
        <>
          <div className={styles.period}>
            <Select
              label={t("period.label")}
              hideLabel
              options={Object.keys(periods).map((id) => ({ id, label: t(`period.${id}`) }))}
              value={period}
              onChange={(key) => setAddress({ period: key === "day" ? null : String(key) })}
            />
          </div>
          <HealthNumbers key={period} integration={integration} period={period} revision={ended} />
          <Kpis key={`kpis-${period}`} integrationId={integration.id} period={period} revision={ended} />
        </>
      )}
      <div className={styles.columns}>
        <Facts integration={integration} />
        {readsContacts && <Contacts integrationId={integration.id} />}
        {managesSwitches && <StopCard integration={integration} />}
      </div>
    </>
  );
}

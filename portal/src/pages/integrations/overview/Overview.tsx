import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { Select, useAddress } from "@/ui";
import { DropZone } from "../upload/DropZone";
import type { IntegrationOfPage } from "../integrationQuery";
import { Contacts } from "./Contacts";
import { Facts } from "./Facts";
import { HealthNumbers } from "./HealthNumbers";
import { Kpis } from "./Kpis";
import styles from "./Overview.module.css";
import { periodOf, periods } from "./period";
import { Standing } from "./Standing";
import { KillSwitches } from "./KillSwitches";

/** How an integration is: why it stands still and what helps, its numbers and pictures, who is there for it. */
export function Overview({ integration, onChange }: { integration: IntegrationOfPage; onChange: () => void }) {
  const { t } = useTranslation("integrations");
  const [address, setAddress] = useAddress();
  const readsRuns = usePermission("runs:read");
  const readsContacts = usePermission("contacts:read");
  const managesSwitches = usePermission("kill_switches:manage");
  const period = periodOf(address.get("period"));
  return (
    <>
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
          <HealthNumbers key={period} integration={integration} period={period} />
          <Kpis integrationId={integration.id} period={period} />
        </>
      )}
      <div className={styles.columns}>
        <Facts integration={integration} />
        {readsContacts && <Contacts integrationId={integration.id} />}
        {managesSwitches && <KillSwitches integration={integration} />}
      </div>
    </>
  );
}

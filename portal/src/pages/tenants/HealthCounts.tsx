import { useTranslation } from "react-i18next";
import type { HealthStatus } from "@/api/generated/schema";
import { StatusBadge } from "@/ui";
import styles from "./HealthCounts.module.css";

interface HealthCountsProps {
  health?: { integrations: readonly { status: HealthStatus; integrations: number }[] } | null;
}

/** How many integrations have which health, the worst first. */
export function HealthCounts({ health }: HealthCountsProps) {
  const { t } = useTranslation("tenants");
  if (!health || health.integrations.length === 0) return <span>{t("noIntegrations")}</span>;
  return (
    <ul className={styles.counts}>
      {health.integrations.map(({ status, integrations }) => (
        <li key={status}>
          {integrations} <StatusBadge kind="health" value={status} />
        </li>
      ))}
    </ul>
  );
}

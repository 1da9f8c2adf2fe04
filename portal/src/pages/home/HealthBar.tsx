import { useTranslation } from "react-i18next";
import type { HealthStatus } from "@/api/generated/schema";
import { useLanguage } from "@/i18n";
import { format, Link, statusLooks } from "@/ui";
import styles from "./HealthBar.module.css";

interface HealthBarProps {
  counts: readonly { status: HealthStatus; integrations: number }[];
}

/** How many integrations have which light, the worst first; each leads to those. */
export function HealthBar({ counts }: HealthBarProps) {
  const { t } = useTranslation("common");
  const language = useLanguage();
  const there = counts.filter(({ integrations }) => integrations > 0);
  return (
    <>
      <div className={styles.bar} aria-hidden>
        {there.map(({ status, integrations }) => (
          <span key={status} data-tone={statusLooks.health[status].tone} style={{ flexGrow: integrations }} />
        ))}
      </div>
      <ul className={styles.legend}>
        {there.map(({ status, integrations }) => {
          const { icon: Icon, tone } = statusLooks.health[status];
          return (
            <li key={status}>
              <span className={styles.icon} data-tone={tone}>
                <Icon size={14} aria-hidden />
              </span>
              <Link kind="quiet" to={`/integrations?health=${status}`}>
                {format.count(integrations, language)} {t(`status.health.${status}`)}
              </Link>
            </li>
          );
        })}
      </ul>
    </>
  );
}

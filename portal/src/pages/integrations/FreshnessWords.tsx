import { Hourglass } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Time } from "@/ui";
import styles from "./FreshnessWords.module.css";
import type { HealthRowOf } from "./integrationRow";

/** How old what was brought home last is, and whether that is too old. */
export function FreshnessWords({ freshness }: { freshness: HealthRowOf["freshness"] }) {
  const { t } = useTranslation("integrations");
  return (
    <span className={styles.freshness} data-late={freshness.isLate || undefined}>
      {freshness.newestSuccessAt == null ? t("freshness.never") : <Time at={freshness.newestSuccessAt} />}
      {freshness.isLate && (
        <span className={styles.late}>
          <Hourglass size={13} aria-hidden />
          {t("freshness.late")}
        </span>
      )}
    </span>
  );
}

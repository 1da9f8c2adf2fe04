import { useTranslation } from "react-i18next";
import { StatusBadge } from "@/ui";
import { impacts } from "./impact";
import styles from "./InboxCounts.module.css";
import { useInboxCounts } from "./useInboxCounts";

/** "3 need you", and how much depends on them. */
export function InboxCounts({ tenantId }: { tenantId: string | undefined }) {
  const { t } = useTranslation("inbox");
  const counts = useInboxCounts(tenantId);
  if (!counts || counts.all === 0) return null;
  return (
    <div className={styles.counts} role="status">
      <strong>{t("need", { count: counts.all })}</strong>
      {impacts.map(
        (impact) =>
          counts[impact] > 0 && (
            <span key={impact} className={styles.count}>
              {counts[impact]} <StatusBadge kind="impact" value={impact} />
            </span>
          ),
      )}
    </div>
  );
}

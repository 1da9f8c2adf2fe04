import { useTranslation } from "react-i18next";
import { TextButton } from "@/ui";
import type { AuditRow } from "./Audit";
import styles from "./Operation.module.css";

/** What was done, in words, and what was said of it; opens the entry. */
export function Operation({ entry, onOpen }: { entry: AuditRow; onOpen: () => void }) {
  const { t } = useTranslation("audit");
  return (
    <div className={styles.operation}>
      <TextButton onPress={onOpen}>{t(`operation.${entry.operation}`, { defaultValue: entry.operation })}</TextButton>
      {entry.detail != null && <span className={styles.detail}>{entry.detail}</span>}
    </div>
  );
}

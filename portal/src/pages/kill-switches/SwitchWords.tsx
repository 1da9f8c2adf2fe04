import { useTranslation } from "react-i18next";
import styles from "./SwitchWords.module.css";

/** Why: for colleagues, and what customers read. */
export function SwitchWords({ reason, message }: { reason?: string | null; message: string }) {
  const { t } = useTranslation("kill-switches");
  return (
    <div>
      {reason != null && <p>{reason}</p>}
      <p className={styles.message}>
        {t("customersRead")} {message}
      </p>
    </div>
  );
}

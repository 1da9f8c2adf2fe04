import { useTranslation } from "react-i18next";
import styles from "./Spinner.module.css";

/** Something is under way. In a button, which says so itself, it is silent. */
export function Spinner({ label }: { label?: string }) {
  const { t } = useTranslation("common");
  return <span className={styles.spinner} role="img" aria-label={label ?? t("loading")} />;
}

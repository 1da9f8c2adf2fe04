import { useTranslation } from "react-i18next";
import styles from "./Runbooks.module.css";

interface SelectorsProps {
  runbook: { code?: string | null; connector?: string | null; integration?: { name: string } | null };
}

/** What a runbook is about: a code, a connector, an integration, or several of these at once. */
export function Selectors({ runbook: { code, connector, integration } }: SelectorsProps) {
  const { t } = useTranslation("runbooks");
  return (
    <span className={styles.selectors}>
      {code && <code>{code}</code>}
      {connector && <span>{t("aboutConnector", { name: connector })}</span>}
      {integration && <span>{t("aboutIntegration", { name: integration.name })}</span>}
    </span>
  );
}

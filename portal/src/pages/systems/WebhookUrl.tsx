import { useTranslation } from "react-i18next";
import { CopyButton } from "@/ui";
import type { SystemOfPage } from "./systemQuery";
import styles from "./Systems.module.css";

/** Where the sender of events is to send them to. */
export function WebhookUrl({ webhook }: { webhook: NonNullable<SystemOfPage["webhook"]> }) {
  const { t } = useTranslation("systems");
  const url = webhook.url ?? webhook.path;
  if (url === null) return null;
  return (
    <div className={styles.stack}>
      <p>{t(webhook.url === null ? "webhook.pathLead" : "webhook.urlLead")}</p>
      <div className={styles.url}>
        <span>{url}</span>
        <CopyButton text={url} label={t("webhook.copy")} />
      </div>
    </div>
  );
}

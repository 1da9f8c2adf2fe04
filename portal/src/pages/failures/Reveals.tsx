import { useTranslation } from "react-i18next";
import { Card, Time } from "@/ui";
import type { FailureOfPage } from "./failureOfPage";
import styles from "./Reveals.module.css";

/** When staff could read the record, and why: the tenant reads it, too. */
export function Reveals({ reveals }: Pick<FailureOfPage, "reveals">) {
  const { t } = useTranslation("failures");
  return (
    <Card title={t("reveal.list")} description={t("reveal.listLead")}>
      <ul className={styles.reveals}>
        {reveals.map((reveal) => (
          <li key={reveal.createdAt}>
            <span>
              <strong>{reveal.revealedBy}</strong>: {reveal.reason}
            </span>
            <span className={styles.note}>
              <Time at={reveal.createdAt} as="absolute" /> – <Time at={reveal.expiresAt} as="absolute" />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

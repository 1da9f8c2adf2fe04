import { useTranslation } from "react-i18next";
import { Badge, Card, Disclosure, Link, Markdown, Time } from "@/ui";
import type { RunbookPart } from "./runbookPart";
import styles from "./Runbooks.module.css";

/** What staff do about it, beside it: the one that fits best is open. */
export function Runbooks({ runbooks }: { runbooks: readonly RunbookPart[] }) {
  const { t } = useTranslation("failures");
  return (
    <Card title={t("runbooks.title")} actions={<Link to="/runbooks">{t("runbooks.all")}</Link>}>
      <div className={styles.books}>
        {runbooks.map((runbook, at) => (
          <Disclosure key={runbook.id} title={runbook.title} isOpenAtFirst={at === 0}>
            <div className={styles.book}>
              {runbook.isReviewOverdue && (
                <p>
                  <Badge tone="warning">{t("runbooks.overdue")}</Badge>
                </p>
              )}
              <Markdown level={4}>{runbook.body}</Markdown>
              {runbook.lastReviewedAt !== null && (
                <p className={styles.note}>
                  {t("runbooks.reviewed")} <Time at={runbook.lastReviewedAt} />
                </p>
              )}
            </div>
          </Disclosure>
        ))}
      </div>
    </Card>
  );
}

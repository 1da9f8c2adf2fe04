import { FileText, Pencil, SquareCheck, Square } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { Button, Card, EmptyState, format, Markdown } from "@/ui";
import type { IncidentDetail } from "./incidentDetail";
import styles from "./Postmortem.module.css";
import { PostmortemDialog } from "./PostmortemDialog";

/** What came of looking back, for staff. */
export function Postmortem({ incident }: { incident: IncidentDetail }) {
  const { t } = useTranslation("incidents");
  const language = useLanguage();
  const [isOpen, setIsOpen] = useState(false);
  const { postmortem } = incident;
  return (
    <Card
      title={t("postmortem.title")}
      description={postmortem && t("postmortem.by", { name: postmortem.writtenBy })}
      actions={
        postmortem && (
          <Button size="small" icon={<Pencil size={14} aria-hidden />} onPress={() => setIsOpen(true)}>
            {t("postmortem.edit")}
          </Button>
        )
      }
    >
      {postmortem ? (
        <>
          <Markdown>{postmortem.body}</Markdown>
          {postmortem.causes.length > 0 && (
            <div className={styles.part}>
              <h3>{t("postmortem.causes")}</h3>
              <ul className={styles.causes}>
                {postmortem.causes.map((cause, index) => (
                  <li key={index}>{cause}</li>
                ))}
              </ul>
            </div>
          )}
          {postmortem.followUps.length > 0 && (
            <div className={styles.part}>
              <h3>{t("postmortem.followUps")}</h3>
              <ul className={styles.followUps}>
                {postmortem.followUps.map((followUp, index) => (
                  <li key={index}>
                    {followUp.isDone ? (
                      <SquareCheck size={18} aria-label={t("postmortem.done")} />
                    ) : (
                      <Square size={18} aria-label={t("postmortem.toDo")} />
                    )}
                    <span>
                      {followUp.text}
                      <span className={styles.note}>
                        {followUp.owner ?? t("nobody")}
                        {followUp.dueAt && (
                          <>
                            {" · "}
                            {t("postmortem.until")} {format.date(`${followUp.dueAt.slice(0, 10)}T12:00:00`, language)}
                          </>
                        )}
                      </span>
                    </span>
                  </li>
                ))}
              </ul>
            </div>
          )}
        </>
      ) : (
        <EmptyState
          icon={<FileText size={28} aria-hidden />}
          title={t("postmortem.empty")}
          actions={<Button onPress={() => setIsOpen(true)}>{t("postmortem.write")}</Button>}
        >
          {t("postmortem.emptyHelp")}
        </EmptyState>
      )}
      {isOpen && <PostmortemDialog incident={incident} onClose={() => setIsOpen(false)} />}
    </Card>
  );
}

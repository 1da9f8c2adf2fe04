import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { Time, useNow } from "@/ui";
import { nextRuns, wordsOf } from "./cron";
import styles from "./Schedule.module.css";

const SHOWN = 5;

/** What an expression means, and when that is next: in its time zone, and for the reader. */
export default function NextRuns({ cron, timeZone }: { cron: string; timeZone: string }) {
  const { t } = useTranslation("integrations");
  const language = useLanguage();
  const now = useNow();
  const words = wordsOf(cron, language);
  const times = nextRuns(cron, timeZone, SHOWN, new Date(now));
  if (times.length === 0) return <p className={styles.muted}>{t("schedule.unreadable")}</p>;
  const there = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short", timeZone });
  return (
    <div className={styles.next} aria-live="polite">
      {words !== null && <p className={styles.words}>{words}</p>}
      <p className={styles.muted}>{t("schedule.nextRuns", { zone: timeZone })}</p>
      <ol className={styles.times}>
        {times.map((time) => (
          <li key={time.getTime()}>
            {there.format(time)} <span className={styles.muted}>
              <Time at={time.toISOString()} />
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

import { useTranslation } from "react-i18next";
import { useIsStaff } from "@/app/session";
import { useLanguage } from "@/i18n";
import { Badge } from "@/ui";
import type { ClueEvent } from "./clueParts";
import styles from "./EventList.module.css";

/** Events around a failure, with the failure among them. */
export function EventList({ events, failedAt }: { events: readonly ClueEvent[]; failedAt: string }) {
  const { t } = useTranslation("failures");
  const language = useLanguage();
  const isStaff = useIsStaff();
  const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
  const before = events.filter(({ at }) => Date.parse(at) <= Date.parse(failedAt)).length;
  const marker = (
    <li key="failure" className={styles.failure}>
      <time dateTime={failedAt}>{time.format(new Date(failedAt))}</time>
      <strong>{t("clues.here")}</strong>
    </li>
  );
  const items = events.map((event) => (
    <li key={event.id}>
      <time dateTime={event.at}>{time.format(new Date(event.at))}</time>
      <span className={styles.words}>
        <span>
          {event.message}
          {event.businessReference !== null && <span className={styles.note}> · {event.businessReference}</span>}
        </span>
        <span className={styles.note}>
          <code>{event.type}</code> {isStaff && event.audience !== "CUSTOMER" && <Badge>{t(`audience.${event.audience}`)}</Badge>}
        </span>
      </span>
    </li>
  ));
  return <ol className={styles.events}>{[...items.slice(0, before), marker, ...items.slice(before)]}</ol>;
}

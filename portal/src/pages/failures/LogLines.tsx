import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { EmptyState } from "@/ui";
import type { ClueLogLine } from "./clueParts";
import styles from "./LogLines.module.css";

/** Lines of the log, for engineers. */
export function LogLines({ lines, label }: { lines: readonly ClueLogLine[]; label: string }) {
  const { t } = useTranslation("failures");
  const language = useLanguage();
  const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
  if (lines.length === 0) return <EmptyState title={t("clues.noLogs")} />;
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- whatever scrolls must be reachable by keys
    <div className={styles.scroll} role="region" aria-label={label} tabIndex={0}>
      <ol className={styles.lines}>
        {lines.map((line, at) => (
          <li key={at} data-level={line.level}>
            <time dateTime={line.at}>{time.format(new Date(line.at))}</time>
            <span className={styles.level}>{line.level}</span>
            <span className={styles.component}>{line.component}</span>
            <span>
              {line.message} <span className={styles.attributes}>{attributesOf(line.attributes)}</span>
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function attributesOf(attributes: unknown): string {
  return Object.entries(attributes as Record<string, unknown>)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

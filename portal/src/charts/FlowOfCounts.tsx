import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { format, Link } from "@/ui";
import styles from "./FlowOfCounts.module.css";
import { ShowAsTable } from "./ShowAsTable";

/** Of `Run.counts`; what is absent counts as none. */
export interface Counts {
  read: number;
  created?: number;
  updated?: number;
  unchanged?: number;
  skipped?: number;
  failed?: number;
}

export interface FlowOfCountsProps {
  counts: Counts;
  /** The page with those that failed. */
  failedTo?: string;
  hideTitle?: boolean;
}

const outcomes = ["created", "updated", "unchanged", "skipped", "failed"] as const;

/** What became of the records that a run has read: one bar, as long as they are many, and its numbers below. */
export function FlowOfCounts({ counts, failedTo, hideTitle }: FlowOfCountsProps) {
  const { t } = useTranslation("common");
  const language = useLanguage();
  const write = (value: number) => format.count(value, language, false);
  const parts = outcomes.map((outcome) => ({ outcome, value: counts[outcome] ?? 0 }));
  const known = parts.reduce((sum, { value }) => sum + value, 0);
  const pending = Math.max(0, counts.read - known);
  const all = Math.max(1, counts.read, known);
  return (
    <ShowAsTable
      title={t("charts.counts.title")}
      hideTitle={hideTitle}
      table={() => ({
        columns: [t("charts.counts.outcome"), t("charts.counts.records"), t("charts.counts.share")],
        rows: [
          [t("charts.counts.read"), write(counts.read), ""],
          ...parts.map(({ outcome, value }) => [t(`charts.counts.${outcome}`), write(value), format.percent(value / all, language)]),
        ],
      })}
    >
      <p className={styles.read}>
        <strong>{write(counts.read)}</strong> {t("charts.counts.read")}
      </p>
      <div className={styles.bar} aria-hidden>
        {parts.map(({ outcome, value }) => value > 0 && <span key={outcome} data-outcome={outcome} style={{ flexGrow: value }} />)}
        {pending > 0 && <span data-outcome="pending" style={{ flexGrow: pending }} />}
      </div>
      <ul className={styles.list}>
        {parts.map(({ outcome, value }) => {
          const words = t(`charts.counts.${outcome}`);
          return (
            <li key={outcome} data-none={value === 0 || undefined}>
              <span className={styles.mark} data-outcome={outcome} />
              <strong>{write(value)}</strong>
              {outcome === "failed" && value > 0 && failedTo !== undefined ? <Link to={failedTo}>{words}</Link> : words}
            </li>
          );
        })}
        {pending > 0 && (
          <li>
            <span className={styles.mark} data-outcome="pending" />
            <strong>{write(pending)}</strong>
            {t("charts.counts.pending")}
          </li>
        )}
      </ul>
    </ShowAsTable>
  );
}

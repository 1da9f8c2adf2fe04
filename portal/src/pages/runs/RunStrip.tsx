import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { format, statusLooks } from "@/ui";
import type { RunRowOf } from "./runRow";
import styles from "./RunStrip.module.css";

const SHOWN = 60;

/** The latest runs as columns, the newest on the right: as high as they were long, in the colour of what came of them. */
export function RunStrip({ runs }: { runs: readonly RunRowOf[] }) {
  const { t } = useTranslation(["runs", "common"]);
  const language = useLanguage();
  const shown = runs.slice(0, SHOWN).reverse();
  const longest = Math.max(1, ...shown.map((run) => run.durationMs ?? 0));
  const wordsOf = (run: RunRowOf) => {
    const status = t(`common:status.run.${run.status}`);
    const took = run.durationMs == null ? "" : `, ${format.duration(run.durationMs, language)}`;
    return `${status}, ${format.dateTime(run.queuedAt, language)}${took}`;
  };
  const went = shown.filter(({ status }) => status === "SUCCEEDED" || status === "RECOVERED").length;
  return (
    <div
      className={styles.strip}
      role="img"
      aria-label={t("strip", { count: shown.length, succeeded: went, longest: format.duration(longest, language) })}
    >
      {shown.map((run) => (
        <span key={run.id} className={styles.slot} title={wordsOf(run)}>
          <span
            className={styles.bar}
            data-tone={statusLooks.run[run.status].tone}
            data-running={run.status === "RUNNING" || undefined}
            // By the root, so that short ones are seen beside long ones.
            style={{ height: `${12 + 88 * Math.sqrt((run.durationMs ?? 0) / longest)}%` }}
          />
        </span>
      ))}
    </div>
  );
}

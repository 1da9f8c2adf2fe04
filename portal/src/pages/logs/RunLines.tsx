import { useTranslation } from "react-i18next";
import { Link, StatusBadge, Time } from "@/ui";
import { LineRow } from "./LineRow";
import type { Line } from "./lines";
import styles from "./RunLines.module.css";
import type { RunWithLines } from "./runsWithLines";

/** A run, and the lines of it. */
export function RunLines({ run }: { run: RunWithLines & { lines: readonly Line[] } }) {
  const { t } = useTranslation("logs");
  const { integration } = run;
  return (
    <section className={styles.run} aria-label={`${integration.name}, ${run.id}`}>
      <header className={styles.header}>
        <Link to={`/runs/${run.id}`}>{integration.name}</Link>
        <span className={styles.muted}>{integration.tenant.name}</span>
        <StatusBadge kind="run" value={run.status} />
        <span className={styles.muted}>
          <Time at={run.queuedAt} />
        </span>
        <span className={styles.end}>
          <Link to={`/runs/${run.id}?tab=logs`}>{t("all")}</Link>
        </span>
      </header>
      {run.lines.length === 0 ? (
        <p className={styles.muted}>{t("nothing")}</p>
      ) : (
        <ol className={styles.lines}>
          {run.lines.map((line) => (
            <LineRow key={line.id} line={line} />
          ))}
        </ol>
      )}
    </section>
  );
}

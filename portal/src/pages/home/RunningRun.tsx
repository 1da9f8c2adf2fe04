import { useTranslation } from "react-i18next";
import { useLanguage } from "@/i18n";
import { Duration, format, Link, StatusBadge } from "@/ui";
import styles from "./RunningNow.module.css";
import type { RunningRunOf } from "./RunningNow";

/** A run under way: how long, and what became of its records so far. */
export function RunningRun({ run, showsTenant }: { run: RunningRunOf; showsTenant: boolean }) {
  const { t } = useTranslation("home");
  const language = useLanguage();
  const { counts } = run;
  const write = (value: number) => format.count(value, language);
  const done = counts.created + counts.updated + counts.unchanged + counts.skipped;
  const all = Math.max(1, counts.read, done + counts.failed);
  return (
    <div className={styles.run}>
      <div className={styles.head}>
        <Link kind="quiet" to={`/runs/${run.id}`}>
          {run.integration.name}
        </Link>
        <StatusBadge kind="run" value={run.status} />
      </div>
      <span className={styles.note}>
        {showsTenant && `${run.tenant.name} · `}
        {run.wait ? run.wait.message : <Duration from={run.startedAt ?? run.queuedAt} />}
        {run.startedAt !== null && ` · ${t("running.counts", { read: write(counts.read), done: write(done), failed: write(counts.failed) })}`}
      </span>
      {run.status === "RUNNING" && (
        <div className={styles.bar} data-none={counts.read === 0 || undefined} aria-hidden>
          <span data-part="done" style={{ width: `${(done / all) * 100}%` }} />
          <span data-part="failed" style={{ width: `${(counts.failed / all) * 100}%` }} />
        </div>
      )}
    </div>
  );
}

import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLive } from "@/api";
import { FlowOfCounts } from "@/charts";
import { RUN_CHANGED } from "@/pages/runs/runQuery";
import { isOver, type RunRowOf } from "@/pages/runs/runRow";
import { Link, Spinner, StatusBadge } from "@/ui";
import styles from "./DropZone.module.css";

/** The run that reads what was dropped, while it goes on. */
export function UploadedRun({ runId }: { runId: string }) {
  const { t } = useTranslation("integrations");
  const [run, setRun] = useState<RunRowOf | null>(null);
  useLive(RUN_CHANGED, {
    variables: { runId },
    paused: run !== null && isOver(run),
    onChange: ({ runChanged }) => setRun(runChanged),
    onBehind: () => undefined,
  });
  return (
    <div aria-live="polite">
      <p className={styles.note}>
        {run === null ? <Spinner /> : <StatusBadge kind="run" value={run.status} />}
        <Link to={`/runs/${runId}`}>{t("upload.toRun")}</Link>
        {run?.wait?.message}
      </p>
      {run !== null && <FlowOfCounts hideTitle counts={run.counts} failedTo={`/runs/${runId}?tab=failures`} />}
    </div>
  );
}

import { useState } from "react";
import { useTranslation } from "react-i18next";
import { RetryProgress } from "@/actions";
import { FailureList } from "@/pages/failures/FailureList";
import { isOver } from "./runRow";
import type { RunOfPage } from "./runQuery";

/** What failed first in a run, whatever became of it since. */
export default function RunFailures({ run }: { run: RunOfPage }) {
  const { t } = useTranslation(["runs", "failures", "actions"]);
  const [retryId, setRetryId] = useState<string | null>(null);
  return (
    <>
      {retryId !== null && <RetryProgress retryId={retryId} onDismiss={() => setRetryId(null)} />}
      <FailureList
        filter={{ runId: run.id, integrationId: run.integration.id }}
        label={t("tab.failures")}
        empty={{ title: t(isOver(run) ? "failures.none" : "failures.noneYet") }}
        onRetryStarted={setRetryId}
      />
    </>
  );
}

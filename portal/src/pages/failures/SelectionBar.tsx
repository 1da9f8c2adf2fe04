import { RotateCw, SkipForward } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { FailureFilter } from "@/api/generated/schema";
import { useIsStaff, usePermission } from "@/app/session";
import { Button } from "@/ui";
import { choiceOfRows, type FailureRow } from "./failureRow";
import styles from "./SelectionBar.module.css";

const RetryDialog = lazy(() => import("@/actions/RetryDialog"));
const SkipDialog = lazy(() => import("@/actions/SkipDialog"));

interface SelectionBarProps {
  rows: readonly FailureRow[];
  /** What the list is of. */
  within: FailureFilter;
  onClear: () => void;
  onSkipped: () => void;
  onRetryStarted: (retryId: string) => void;
}

/** A mutation takes so many by id. */
const IDS_MAX = 1_000;

/** What can be done with the failures that are ticked. It stays in sight while one scrolls. */
export function SelectionBar({ rows, within, onClear, onSkipped, onRetryStarted }: SelectionBarProps) {
  const { t } = useTranslation("failures");
  const isStaff = useIsStaff();
  const canRetry = usePermission("failures:retry");
  const canSkip = usePermission("failures:skip");
  const [open, setOpen] = useState<"retry" | "skip" | null>(null);
  if (rows.length === 0) return null;
  const retried = rows.filter((row) => row.viewerCanRetry);
  const skipped = rows.filter((row) => row.viewerCanSkip);
  const hindrance =
    rows.length > IDS_MAX
      ? t("selection.tooMany", { count: IDS_MAX })
      : new Set(rows.map((row) => row.tenant.id)).size > 1
        ? t("selection.oneTenant")
        : retried.length === 0 && skipped.length === 0
          ? t("selection.noneOpen")
          : null;
  const close = () => setOpen(null);
  return (
    <div className={styles.bar} role="region" aria-label={t("selection.label")}>
      <strong>{t("selection.count", { count: rows.length })}</strong>
      {hindrance !== null ? (
        <span>{hindrance}</span>
      ) : (
        <>
          {canRetry && (
            <Button size="small" kind="primary" icon={<RotateCw size={14} aria-hidden />} isDisabled={retried.length === 0} onPress={() => setOpen("retry")}>
              {t("selection.retry", { count: retried.length })}
            </Button>
          )}
          {canSkip && (
            <Button size="small" icon={<SkipForward size={14} aria-hidden />} isDisabled={skipped.length === 0} onPress={() => setOpen("skip")}>
              {t("selection.skip", { count: skipped.length })}
            </Button>
          )}
        </>
      )}
      <Button size="small" kind="quiet" onPress={onClear}>
        {t("selection.clear")}
      </Button>
      <Suspense>
        {open === "retry" && (
          <RetryDialog
            choice={choiceOfRows(retried, within)}
            onClose={close}
            onStarted={(retryId) => {
              close();
              onRetryStarted(retryId);
            }}
          />
        )}
        {open === "skip" && (
          <SkipDialog
            choice={choiceOfRows(skipped, within)}
            isReasonRequired={isStaff}
            onClose={close}
            onDone={() => {
              close();
              onClear();
              onSkipped();
            }}
          />
        )}
      </Suspense>
    </div>
  );
}

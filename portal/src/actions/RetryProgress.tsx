import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, useLive, useMutationForm, type ResultOf } from "@/api";
import { useLanguage } from "@/i18n";
import { usePermission } from "@/app/session";
import { Button, FormBanner, format, StatusBadge, Time } from "@/ui";
import { directMutations } from "./directMutations";
import styles from "./RetryProgress.module.css";

export const RETRY_STATE = graphql(`
  fragment RetryState on Retry {
    id
    status
    requestedBy
    createdAt
    finishedAt
    total
    resolved
    failed
    remaining
  }
`);

const RETRY = graphql(`
  query RetryProgress($id: ID!) {
    retry(id: $id) {
      ...RetryState
    }
  }
`);

const RETRY_CHANGED = graphql(`
  subscription RetryProgressChanged($retryId: ID!) {
    retryChanged(retryId: $retryId) {
      ...RetryState
    }
  }
`);

type RetryState = ResultOf<typeof RETRY_STATE>;

const isOver = ({ status }: RetryState) => status === "COMPLETED" || status === "CANCELED";

interface RetryProgressProps {
  retryId: string;
  /** It ended, while one looked. */
  onOver?: () => void;
  /** Puts it away. */
  onDismiss?: () => void;
}

/** A retry, as it goes on. */
export function RetryProgress({ retryId, onOver, onDismiss }: RetryProgressProps) {
  const { t } = useTranslation(["actions", "common"]);
  const language = useLanguage();
  const canCancel = usePermission("failures:retry");
  const [{ data }, execute] = useQuery({ query: RETRY, variables: { id: retryId } });
  const [live, setLive] = useState<RetryState | null>(null);
  const retry = live?.id === retryId ? live : data?.retry;
  useLive(RETRY_CHANGED, {
    variables: { retryId },
    paused: retry != null && isOver(retry),
    onChange: ({ retryChanged }) => {
      setLive(retryChanged);
      if (isOver(retryChanged) && !(retry && isOver(retry))) onOver?.();
    },
    onBehind: () => execute({ requestPolicy: "network-only" }),
  });
  const cancel = useMutationForm(directMutations.cancelRetry, { payload: (answer) => answer.cancelRetry ?? { userErrors: [] } });
  if (!retry) return null;
  const share = (count: number) => `${retry.total === 0 ? 0 : (count / retry.total) * 100}%`;
  const words = t("progress.words", {
    resolved: format.count(retry.resolved, language),
    failed: format.count(retry.failed, language),
    remaining: format.count(retry.remaining, language),
  });
  return (
    <section className={styles.progress} aria-label={t("progress.title")}>
      <div className={styles.head}>
        <h2>{t("progress.title")}</h2>
        <StatusBadge kind="retry" value={retry.status} />
        <span className={styles.note}>
          {retry.requestedBy}, <Time at={retry.createdAt} />
        </span>
        <span className={styles.buttons}>
          {canCancel && !isOver(retry) && (
            <Button size="small" isPending={cancel.isBusy} onPress={() => void cancel.submit({ retryId })}>
              {t("progress.cancel")}
            </Button>
          )}
          {onDismiss && isOver(retry) && (
            <Button size="small" kind="quiet" onPress={onDismiss}>
              {t("common:close")}
            </Button>
          )}
        </span>
      </div>
      <div
        className={styles.bar}
        role="progressbar"
        aria-label={t("progress.title")}
        aria-valuemin={0}
        aria-valuemax={retry.total}
        aria-valuenow={retry.total - retry.remaining}
        aria-valuetext={words}
      >
        <span data-part="resolved" style={{ width: share(retry.resolved) }} />
        <span data-part="failed" style={{ width: share(retry.failed) }} />
      </div>
      <p role="status">{words}</p>
      <FormBanner form={cancel} />
    </section>
  );
}

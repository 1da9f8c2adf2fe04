import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf, useMutationForm } from "@/api";
import type { RetryPrediction } from "@/api/generated/schema";
import { Banner, Button, Dialog, ErrorState, Form, FormActions, FormBanner, Skeleton, toast } from "@/ui";
import { foresee, onlyOf, PREDICTED_MAX, predictions, RETRY_PLAN, tickedAtFirst, type RetryPlan } from "./retryForesight";
import { RetryOutcome } from "./RetryOutcome";
import { namedBy, type FailureChoice } from "./subject";
import styles from "./RetryDialog.module.css";

const RETRY_FAILURES = graphql(`
  mutation RetryFailures($input: RetryFailuresInput!) {
    retryFailures(input: $input) {
      retry {
        id
        total
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

interface RetryDialogProps {
  choice: FailureChoice;
  onClose: () => void;
  onStarted: (retryId: string) => void;
}

const context = { requestPolicy: "network-only" } as const;

/** What a retry would do, before anything is done; and the retry, of all of it or of some outcomes alone. */
export default function RetryDialog({ choice, onClose, onStarted }: RetryDialogProps) {
  const { t } = useTranslation("actions");
  const [{ data, error }, execute] = useQuery({ query: RETRY_PLAN, variables: { filter: choice.filter }, context });
  return (
    <Dialog title={t("retry.title")} isOpen onClose={onClose}>
      {data ? (
        <Foreseen plan={data.retryPlan} choice={choice} onClose={onClose} onStarted={onStarted} />
      ) : error ? (
        <ErrorState problem={problemOf(error)} onRetry={() => execute(context)} />
      ) : (
        <>
          <p>{t("retry.looking")}</p>
          <Skeleton lines={4} height={28} />
        </>
      )}
    </Dialog>
  );
}

function Foreseen({ plan, choice, onClose, onStarted }: RetryDialogProps & { plan: RetryPlan }) {
  const { t } = useTranslation(["actions", "common"]);
  const foresight = foresee(plan, choice.ids);
  const [ticked, setTicked] = useState(() => tickedAtFirst(foresight));
  const form = useMutationForm(RETRY_FAILURES, {
    payload: (answer) => answer.retryFailures,
    onDone: ({ retry }) => {
      toast(t("retry.begun", { count: retry?.total ?? 0 }));
      if (retry) onStarted(retry.id);
    },
  });
  const there = predictions.filter((each) => foresight.counts[each] > 0);
  const canChoose = foresight.total <= PREDICTED_MAX && there.length > 1;
  const only = canChoose ? onlyOf(foresight, ticked) : null;
  const count = only ? only.reduce((sum, each) => sum + foresight.counts[each], 0) : foresight.total;
  const tick = (prediction: RetryPrediction, isTicked: boolean) => {
    const next = new Set(ticked);
    if (isTicked) next.add(prediction);
    else next.delete(prediction);
    setTicked(next);
  };
  if (foresight.total === 0) {
    return (
      <>
        <p>{t("retry.none")}</p>
        <FormActions>
          <Button onPress={onClose}>{t("common:close")}</Button>
        </FormActions>
      </>
    );
  }
  return (
    <Form onSubmit={() => void form.submit({ ...namedBy(choice), only, idempotencyKey: form.idempotencyKey() })}>
      <p>{t("retry.lead", { count: foresight.total })}</p>
      <ul className={styles.outcomes}>
        {there.map((prediction) => (
          <li key={prediction}>
            <RetryOutcome
              prediction={prediction}
              count={foresight.counts[prediction]}
              examples={foresight.examples(prediction)}
              isTicked={ticked.has(prediction)}
              onTick={canChoose ? (isTicked) => tick(prediction, isTicked) : undefined}
            />
          </li>
        ))}
      </ul>
      {foresight.unpredicted > 0 && <p className={styles.note}>{t("retry.unpredicted", { count: foresight.unpredicted })}</p>}
      {!choice.ids && plan.notRetryable > 0 && <p className={styles.note}>{t("retry.notRetryable", { count: plan.notRetryable })}</p>}
      {!choice.ids && foresight.total > PREDICTED_MAX && <p className={styles.note}>{t("retry.tooMany")}</p>}
      {foresight.counts.WOULD_OVERWRITE_NEWER > 0 && (!canChoose || ticked.has("WOULD_OVERWRITE_NEWER")) && (
        <Banner tone="warning">{t("retry.overwrites")}</Banner>
      )}
      <FormBanner form={form} />
      <FormActions>
        <Button onPress={onClose}>{t("common:cancel")}</Button>
        <Button type="submit" kind="primary" isPending={form.isBusy} isDisabled={count === 0}>
          {t("retry.action", { count })}
        </Button>
      </FormActions>
    </Form>
  );
}

import { Repeat } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { RetryProgress } from "@/actions";
import { foresee, predictions, RETRY_PLAN } from "@/actions/retryForesight";
import { RetryOutcome } from "@/actions/RetryOutcome";
import { usePermission } from "@/app/session";
import { Button, Card, Skeleton } from "@/ui";
import styles from "./Mapping.module.css";

const RetryDialog = lazy(() => import("@/actions/RetryDialog"));
const context = { requestPolicy: "network-only" } as const;

/** What the mapping, as it is stored, would make of the records that failed: its proof on real ones. */
export function OpenFailures({ integrationId, looksAtOnce }: { integrationId: string; looksAtOnce: boolean }) {
  const { t } = useTranslation(["integrations", "actions"]);
  const mayRetry = usePermission("failures:retry");
  const [isAsking, setIsAsking] = useState(false);
  const [retryId, setRetryId] = useState<string | null>(null);
  const [isWanted, setIsWanted] = useState(looksAtOnce);
  const filter = { integrationId, status: ["OPEN" as const] };
  const [{ data, fetching }] = useQuery({ query: RETRY_PLAN, variables: { filter }, context, pause: !isWanted });
  const foresight = data && foresee(data.retryPlan);
  return (
    <Card title={t("proof.title")} description={t("proof.lead")}>
      {retryId !== null && <RetryProgress retryId={retryId} onDismiss={() => setRetryId(null)} />}
      {!isWanted && <Button onPress={() => setIsWanted(true)}>{t("proof.look")}</Button>}
      {fetching && <Skeleton lines={3} />}
      {foresight?.total === 0 && <p className={styles.muted}>{t("proof.none")}</p>}
      {foresight && foresight.total > 0 && (
        <div className={styles.outcomes}>
          {predictions
            .filter((prediction) => foresight.counts[prediction] > 0)
            .map((prediction) => (
              <RetryOutcome
                key={prediction}
                prediction={prediction}
                count={foresight.counts[prediction]}
                examples={foresight.examples(prediction)}
                isTicked={false}
                onTick={undefined}
              />
            ))}
          {mayRetry && (
            <div>
              <Button icon={<Repeat size={16} aria-hidden />} onPress={() => setIsAsking(true)}>
                {t("proof.retry")}
              </Button>
            </div>
          )}
        </div>
      )}
      {isAsking && (
        <Suspense>
          <RetryDialog
            choice={{ filter }}
            onClose={() => setIsAsking(false)}
            onStarted={(id) => {
              setIsAsking(false);
              setRetryId(id);
            }}
          />
        </Suspense>
      )}
    </Card>
  );
}

import { FlaskConical } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { problemOf, useEvery, useMutationForm } from "@/api";
import { usePermission } from "@/app/session";
import { useLanguage } from "@/i18n";
import { Badge, Banner, Button, Card, Code, ConfirmDialog, Duration, ErrorState, format, FormBanner, KeyValue, Skeleton, Time, toast, useNow } from "@/ui";
import type { IntegrationOfPage } from "../integrationQuery";
import { SyntheticCheckDialog } from "./SyntheticCheckDialog";
import { REMOVE_SYNTHETIC_CHECK, RUN_SYNTHETIC_CHECK, SYNTHETIC_CHECK, type CheckOf } from "./syntheticQuery";
import styles from "./Settings.module.css";

interface SyntheticCheckCardProps {
  integration: IntegrationOfPage;
  mayWrite: boolean;
}

/** Nothing tells that a test record has arrived, so one looks. */
const LOOK_MS = 2_000;
const context = { additionalTypenames: ["Integration"] };

/** The test record that proves an integration from end to end: what it is, and what came of the last ones. */
export function SyntheticCheckCard({ integration, mayWrite }: SyntheticCheckCardProps) {
  const { t } = useTranslation("integrations");
  const mayOperate = usePermission("integrations:operate");
  const [dialog, setDialog] = useState<"set" | "remove" | null>(null);
  const [{ data, error }, readAnew] = useQuery({ query: SYNTHETIC_CHECK, variables: { id: integration.id }, context });
  const refresh = () => readAnew({ requestPolicy: "network-only" });
  const check = data?.integration?.syntheticCheck;
  const now = useNow();
  const isDue = check?.nextAt != null && Date.parse(check.nextAt) <= now && integration.status === "ACTIVE";
  useEvery(LOOK_MS, refresh, !check?.isUnderWay && !isDue);
  const run = useMutationForm(RUN_SYNTHETIC_CHECK, {
    payload: (answer) => answer.runSyntheticCheck,
    onDone: () => toast(t("synthetic.sent"), "info"),
  });
  const remove = useMutationForm(REMOVE_SYNTHETIC_CHECK, {
    payload: (answer) => answer.removeSyntheticCheck,
    onDone: () => {
      toast(t("synthetic.removed"));
      setDialog(null);
    },
  });
  return (
    <Card
      title={t("synthetic.title")}
      description={t("synthetic.lead")}
      actions={
        data && (
          <>
            {check && mayWrite && <Button onPress={() => setDialog("remove")}>{t("synthetic.remove")}</Button>}
            {mayWrite && <Button onPress={() => setDialog("set")}>{t(check ? "synthetic.change" : "synthetic.set")}</Button>}
            {check && mayOperate && integration.status !== "ARCHIVED" && (
              <Button
                kind="primary"
                icon={<FlaskConical size={16} aria-hidden />}
                isPending={run.isBusy || check.isUnderWay}
                onPress={() => void run.submit({ integrationId: integration.id })}
              >
                {t("synthetic.send")}
              </Button>
            )}
          </>
        )
      }
    >
      <FormBanner form={run} />
      {error && !data ? (
        <ErrorState problem={problemOf(error)} onRetry={refresh} />
      ) : !data ? (
        <Skeleton lines={4} />
      ) : check ? (
        <Check check={check} />
      ) : (
        <p className={styles.muted}>{t("synthetic.none")}</p>
      )}
      {dialog === "set" && <SyntheticCheckDialog integration={integration} check={check ?? null} onClose={() => setDialog(null)} />}
      <ConfirmDialog
        title={t("synthetic.removeTitle")}
        isOpen={dialog === "remove"}
        onClose={() => setDialog(null)}
        action={t("synthetic.remove")}
        isDanger
        form={remove}
        onConfirm={() => void remove.submit({ integrationId: integration.id })}
      >
        {t("synthetic.removeHelp")}
      </ConfirmDialog>
    </Card>
  );
}

function Check({ check }: { check: CheckOf }) {
  const { t } = useTranslation("integrations");
  const language = useLanguage();
  return (
    <>
      {check.failingSince != null && (
        <Banner tone="danger">
          {t("synthetic.failing")} <Time at={check.failingSince} />
        </Banner>
      )}
      {check.leftBehind != null && <Banner tone="warning">{t("synthetic.leftBehind", { key: check.leftBehind })}</Banner>}
      <KeyValue
        entries={[
          [t("backfills.stream"), check.stream],
          [
            t("synthetic.when"),
            check.schedule
              ? `${check.schedule.cron} (${check.schedule.timeZone})`
              : check.everySeconds != null
                ? t("synthetic.every", { time: format.duration(check.everySeconds * 1_000, language) })
                : t("synthetic.onDemand"),
          ],
          [t("synthetic.next"), check.nextAt != null && <Time key="n" at={check.nextAt} />],
          [t("synthetic.afterwards"), t(check.remove ? "synthetic.isRemoved" : "synthetic.stays")],
          [
            t("synthetic.setBy"),
            <span key="s">
              {check.setBy}, <Time at={check.setAt} />
            </span>,
          ],
        ]}
      />
      <Code isBlock label={t("synthetic.record")}>
        {JSON.stringify(check.record, null, 2)}
      </Code>
      {check.results.edges.length > 0 && (
        <ul className={styles.changes} aria-label={t("synthetic.results")}>
          {check.results.edges.map(({ node }) => (
            <li key={node.id}>
              <span className={styles.result}>
                <Badge tone={node.status === "PASSED" ? "success" : "danger"}>{t(`syntheticStatus.${node.status}`)}</Badge>
                <Time at={node.startedAt} />
                <Duration from={node.startedAt} to={node.finishedAt} />
                {node.stage != null && <strong>{t(`syntheticStage.${node.stage}`)}</strong>}
                <span className={styles.muted}>
                  {node.durations.map(({ stage, ms }) => `${t(`syntheticStage.${stage}`)} ${format.duration(ms, language)}`).join(" · ")}
                </span>
              </span>
              {node.reason != null && (
                <p>
                  {node.reason} {node.suggestedAction}
                </p>
              )}
              {node.status === "PASSED" && !node.isVerified && <p className={styles.muted}>{t("synthetic.unverified")}</p>}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

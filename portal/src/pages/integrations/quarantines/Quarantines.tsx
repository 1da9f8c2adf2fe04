import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { RetryProgress } from "@/actions";
import { graphql, usePages, type ResultOf } from "@/api";
import type { QuarantineStatus } from "@/api/generated/schema";
import { usePermission } from "@/app/session";
import { useLanguage } from "@/i18n";
import { Badge, Button, Card, EmptyState, ErrorState, FilterBar, format, Link, Skeleton, Time, useAddress, VirtualList } from "@/ui";
import styles from "./Quarantines.module.css";

const QuarantineDialog = lazy(() => import("@/actions/QuarantineDialog"));

const QUARANTINES = graphql(`
  query QuarantinesOfIntegration($id: ID!, $filter: QuarantineFilter, $first: Int, $after: String) {
    integration(id: $id) {
      id
      quarantines(filter: $filter, first: $first, after: $after) {
        edges {
          node {
            id
            stream
            status
            rule
            field
            measured
            allowed
            reason
            recordCount
            judgedCount
            failedCount
            createdAt
            decidedAt
            decidedBy
            note
            run {
              id
            }
            retry {
              id
            }
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

type Quarantine = NonNullable<ResultOf<typeof QUARANTINES>["integration"]>["quarantines"]["edges"][number]["node"];

const statuses = ["HELD", "RELEASED", "DISCARDED"] as const satisfies QuarantineStatus[];
const tones = { HELD: "danger", RELEASED: "success", DISCARDED: "neutral" } as const;

interface Decision {
  quarantineId: string;
  kind: "release" | "discard";
}

/** Pages that a quality gate kept from being written: what was found, and the decision about each. */
export default function Quarantines({ integrationId }: { integrationId: string }) {
  const { t } = useTranslation(["integrations", "actions"]);
  const [address] = useAddress();
  const status = statuses.find((each) => each === address.get("status"));
  const [decision, setDecision] = useState<Decision | null>(null);
  const [retryId, setRetryId] = useState<string | null>(null);
  const pages = usePages({
    query: QUARANTINES,
    variables: { id: integrationId, filter: status ? { status: [status] } : {} },
    connection: (data) => data.integration?.quarantines,
    typenames: ["Quarantine"],
  });
  return (
    <>
      {retryId !== null && <RetryProgress retryId={retryId} onDismiss={() => setRetryId(null)} />}
      <FilterBar
        filters={[
          {
            kind: "choice",
            name: "status",
            label: t("quarantines.status"),
            options: statuses.map((id) => ({ id, label: t(`quarantineStatus.${id}`) })),
          },
        ]}
      />
      {pages.isLoading ? (
        <Skeleton lines={4} height={40} />
      ) : pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState title={t("quarantines.none")}>{t("quarantines.noneHelp")}</EmptyState>
      ) : (
        <Card flush>
          <VirtualList label={t("tab.quarantines")} pages={pages} itemHeight={128}>
            {(quarantine) => <QuarantineItem quarantine={quarantine} onDecide={setDecision} />}
          </VirtualList>
        </Card>
      )}
      {decision && (
        <Suspense>
          <QuarantineDialog
            quarantineId={decision.quarantineId}
            decision={decision.kind}
            title={t(`quarantines.${decision.kind}`)}
            onClose={() => setDecision(null)}
            onDone={(startedRetryId) => {
              setDecision(null);
              setRetryId(startedRetryId);
              pages.refresh();
            }}
          />
        </Suspense>
      )}
    </>
  );
}

function QuarantineItem({ quarantine, onDecide }: { quarantine: Quarantine; onDecide: (decision: Decision) => void }) {
  const { t } = useTranslation("integrations");
  const language = useLanguage();
  const mayRelease = usePermission("failures:retry");
  const mayDiscard = usePermission("failures:skip");
  const isHeld = quarantine.status === "HELD";
  return (
    <article className={styles.quarantine}>
      <div className={styles.words}>
        <p className={styles.head}>
          <Badge tone={tones[quarantine.status]}>{t(`quarantineStatus.${quarantine.status}`)}</Badge>
          <strong>{t(`quarantineRule.${quarantine.rule}`, { field: quarantine.field ?? "" })}</strong>
          <span className={styles.muted}>{quarantine.stream}</span>
          <Time at={quarantine.createdAt} />
        </p>
        <p>{quarantine.reason}</p>
        <p className={styles.muted}>
          {t("quarantines.measured", {
            measured: format.percent(quarantine.measured / 100, language),
            allowed: format.percent(quarantine.allowed / 100, language),
          })}
          {" · "}
          {t("quarantines.records", { count: quarantine.recordCount, records: format.count(quarantine.recordCount, language) })}
          {" · "}
          <Link to={`/runs/${quarantine.run.id}`}>{t("quarantines.toRun")}</Link>
        </p>
        {quarantine.decidedAt != null && (
          <p className={styles.muted}>
            {t("quarantines.decided", { name: quarantine.decidedBy ?? "" })} <Time at={quarantine.decidedAt} />
            {quarantine.note != null && ` · ${quarantine.note}`}
          </p>
        )}
      </div>
      {isHeld && (
        <div className={styles.buttons}>
          {mayRelease && (
            <Button kind="primary" onPress={() => onDecide({ quarantineId: quarantine.id, kind: "release" })}>
              {t("quarantines.release")}
            </Button>
          )}
          {mayDiscard && (
            <Button onPress={() => onDecide({ quarantineId: quarantine.id, kind: "discard" })}>{t("quarantines.discard")}</Button>
          )}
        </div>
      )}
    </article>
  );
}

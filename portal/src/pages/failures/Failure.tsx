import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { useQuery } from "urql";
import { RetryProgress, SuggestedActions } from "@/actions";
import { graphql, problemOf, useLive, useThrottled } from "@/api";
import { useIsStaff, usePermission } from "@/app/session";
import { Banner, Card, ErrorState, NotFound, Page, Skeleton, StatusBadge, Tabs, Time, useAddress } from "@/ui";
import layout from "./Failure.module.css";
import { FailureClues } from "./FailureClues";
import { FailureFacts } from "./FailureFacts";
import { FAILURE_OF_PAGE } from "./failureOfPage";
import { FailureRecord } from "./FailureRecord";
import { retryOf } from "./retryOf";
import { Runbooks } from "./Runbooks";
import { TechnicalDetail } from "./TechnicalDetail";
import { useFailureName } from "./useFailureName";

const FAILURE_CHANGED = graphql(`
  subscription FailureOfPageChanged($integrationId: ID, $since: DateTime) {
    failureChanged(integrationId: $integrationId, since: $since) {
      id
    }
  }
`);

/** One failure: what happened, what to do about it, its record, and what may explain it. */
export default function Failure() {
  const { t } = useTranslation("failures");
  const { id = "" } = useParams();
  const [address, setAddress] = useAddress();
  const isStaff = useIsStaff();
  const withRun = usePermission("runs:read");
  const nameOf = useFailureName();
  const [{ data, error, fetching }, execute] = useQuery({ query: FAILURE_OF_PAGE, variables: { id, withRun } });
  const refresh = useThrottled(() => execute({ requestPolicy: "network-only" }), 1_000);
  const failure = data?.failure;
  useLive(FAILURE_CHANGED, {
    variables: { integrationId: failure?.integration.id },
    paused: failure == null,
    onChange: ({ failureChanged }) => {
      if (failureChanged.id === id) refresh();
    },
    onBehind: refresh,
  });
  if (error && !failure) {
    return (
      <Page title={t("page.title")}>
        <ErrorState problem={problemOf(error)} onRetry={refresh} />
      </Page>
    );
  }
  if (!failure && fetching) {
    return (
      <Page title={t("page.title")}>
        <Skeleton lines={8} height={24} />
      </Page>
    );
  }
  if (!failure) return <NotFound />;
  const name = nameOf(failure);
  const retryId = address.get("retry") ?? retryOf(failure.actions);
  const isEdited = address.get("edit") === "yes" && failure.viewerCanEdit;
  const record = (
    <FailureRecord
      failure={failure}
      isEdited={isEdited}
      onEdit={(edit) => setAddress({ edit: edit ? "yes" : null })}
      onRetryStarted={(id) => {
        setAddress({ edit: null, retry: id });
        refresh();
      }}
    />
  );
  const tabs = [
    { id: "record", label: t("tab.record"), content: () => record },
    ...(withRun ? [{ id: "clues", label: t("tab.clues"), content: () => <FailureClues id={id} failedAt={failure.failedAt} /> }] : []),
    ...(isStaff ? [{ id: "technical", label: t("tab.technical"), content: () => <TechnicalDetail failure={failure} /> }] : []),
  ];
  return (
    <Page
      title={name}
      heading={
        <>
          {name}
          <StatusBadge kind="failure" value={failure.status} />
          <StatusBadge kind="impact" value={failure.impact} />
        </>
      }
      breadcrumbs={[
        { label: t("title"), to: "/failures" },
        ...(failure.group ? [{ label: t("page.group"), to: `/groups/${failure.group.id}` }] : []),
      ]}
      description={failure.summary}
      width="wide"
    >
      {retryId !== null && <RetryProgress retryId={retryId} onOver={refresh} onDismiss={() => setAddress({ retry: null })} />}
      {failure.status === "RESOLVED" && failure.resolvedAt !== null && (
        <Banner tone="success">
          {t("page.resolved")} <Time at={failure.resolvedAt} />
        </Banner>
      )}
      <div className={layout.columns}>
        <div className={layout.main}>
          {failure.actions.length > 0 && !isEdited && (
            <Card title={t("page.toDo")} description={failure.suggestedAction}>
              <SuggestedActions
                actions={failure.actions}
                subject={{
                  kind: "failure",
                  id,
                  integrationId: failure.integration.id,
                  businessReference: failure.businessReference,
                  failedAt: failure.failedAt,
                }}
                onDone={refresh}
                onRetryStarted={(retry) => setAddress({ retry })}
              />
            </Card>
          )}
          {tabs.length > 1 ? <Tabs label={t("page.parts")} tabs={tabs} /> : record}
        </div>
        <aside className={layout.side} aria-label={t("page.facts")}>
          <FailureFacts failure={failure} />
          {failure.runbooks !== null && failure.runbooks.length > 0 && <Runbooks runbooks={failure.runbooks} />}
        </aside>
      </div>
    </Page>
  );
}

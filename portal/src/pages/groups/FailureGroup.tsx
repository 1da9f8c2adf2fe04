import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { useQuery } from "urql";
import { RetryProgress, SuggestedActions } from "@/actions";
import { graphql, problemOf, useLive, useThrottled } from "@/api";
import { usePermission } from "@/app/session";
import { FailureList } from "@/pages/failures/FailureList";
import { retryOf } from "@/pages/failures/retryOf";
import { Runbooks } from "@/pages/failures/Runbooks";
import { Banner, Card, ErrorState, Link, NotFound, Page, Skeleton, StatusBadge, Tabs, useAddress } from "@/ui";
import layout from "../failures/Failure.module.css";
import { actionsOf, subjectOf } from "./groupActions";
import { GroupDecisions } from "./GroupDecisions";
import { GroupEscalation } from "./GroupEscalation";
import { GroupFacts } from "./GroupFacts";
import { GroupHours } from "./GroupHours";
import { GROUP_OF_PAGE } from "./groupOfPage";
import { GroupPromises } from "./GroupPromises";
import styles from "./FailureGroup.module.css";
import { GroupTimeline } from "./GroupTimeline";

const GROUP_CHANGED = graphql(`
  subscription GroupOfPageChanged($integrationId: ID, $since: DateTime) {
    failureGroupChanged(integrationId: $integrationId, since: $since) {
      id
    }
  }
`);

/** Failures of one cause: what happens, what to do about all of them, each of them, and what was said and done. */
export default function FailureGroup() {
  const { t } = useTranslation("groups");
  const { id = "" } = useParams();
  const [address, setAddress] = useAddress();
  const withContacts = usePermission("contacts:read");
  const withIncident = usePermission("incidents:read");
  const withEscalation = usePermission("escalations:read");
  const withRunbooks = usePermission("runbooks:read");
  const [{ data, error, fetching }, execute] = useQuery({ query: GROUP_OF_PAGE, variables: { id, withContacts, withIncident, withEscalation, withRunbooks } });
  const refresh = useThrottled(() => execute({ requestPolicy: "network-only" }), 1_000);
  const group = data?.failureGroup;
  useLive(GROUP_CHANGED, {
    variables: { integrationId: group?.integration.id },
    paused: group == null,
    onChange: ({ failureGroupChanged }) => {
      if (failureGroupChanged.id === id) refresh();
    },
    onBehind: refresh,
  });
  if (error && !group) {
    return (
      <Page title={t("title")}>
        <ErrorState problem={problemOf(error)} onRetry={refresh} />
      </Page>
    );
  }
  if (!group && fetching) {
    return (
      <Page title={t("title")}>
        <Skeleton lines={8} height={24} />
      </Page>
    );
  }
  if (!group) return <NotFound />;
  const actions = actionsOf(group);
  const retryId = address.get("retry") ?? retryOf(group.retried.edges[0]?.node.actions ?? []);
  const runbooks = group.newest?.edges[0]?.node.runbooks ?? [];
  const started = (retry: string) => setAddress({ retry });
  const tabs = [
    {
      id: "failures",
      label: t("tab.failures"),
      content: () => (
        <FailureList
          filter={{ groupId: id, integrationId: group.integration.id }}
          label={t("tab.failures")}
          shows={{ summary: false }}
          empty={{ title: t("noFailures"), help: t("noFailuresHelp") }}
          onRetryStarted={started}
        />
      ),
    },
    { id: "timeline", label: t("tab.timeline"), content: () => <GroupTimeline groupId={id} /> },
  ];
  return (
    <Page
      title={group.summary}
      description={
        <span className={styles.badges}>
          <StatusBadge kind="group" value={group.status} />
          <StatusBadge kind="impact" value={group.impact} />
        </span>
      }
      breadcrumbs={[{ label: t("inbox"), to: "/inbox" }]}
      width="wide"
      actions={<GroupDecisions group={group} onDone={refresh} />}
    >
      {group.mergedInto && (
        <Banner tone="info" title={t("merged.title")}>
          <Link to={`/groups/${group.mergedInto.id}`}>{group.mergedInto.summary}</Link>
        </Banner>
      )}
      {group.incident && (
        <Banner tone="warning" title={t("incident.title")} actions={<Link to={`/incidents/${group.incident.id}`}>{t("incident.open")}</Link>}>
          {group.incident.publicMessage}
        </Banner>
      )}
      {retryId !== null && <RetryProgress retryId={retryId} onOver={refresh} onDismiss={() => setAddress({ retry: null })} />}
      <div className={layout.columns}>
        <div className={layout.main}>
          {actions.length > 0 && (
            <Card title={t("toDo")} description={group.suggestedAction}>
              <SuggestedActions actions={actions} subject={subjectOf(group)} onDone={refresh} onRetryStarted={started} />
            </Card>
          )}
          <GroupHours groupId={id} lastSeenAt={group.lastSeenAt} />
          <Tabs label={t("parts")} tabs={tabs} />
        </div>
        <aside className={layout.side} aria-label={t("facts")}>
          <GroupFacts group={group} />
          <GroupPromises clocks={group.sla} />
          {group.escalation && <GroupEscalation escalation={group.escalation} />}
          {runbooks.length > 0 && <Runbooks runbooks={runbooks} />}
        </aside>
      </div>
    </Page>
  );
}

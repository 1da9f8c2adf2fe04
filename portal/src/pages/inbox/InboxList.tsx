import { CircleCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { graphql, useLive, usePages, useThrottled } from "@/api";
import type { InboxFilter } from "@/api/generated/schema";
import { Card, EmptyState, ErrorState, Skeleton, VirtualList } from "@/ui";
import "@/pages/groups/groupParts";
import { InboxItem } from "./InboxItem";

const INBOX = graphql(`
  query Inbox($filter: InboxFilter, $first: Int, $after: String) {
    inbox(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          ...GroupRow
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const INBOX_CHANGED = graphql(`
  subscription InboxChanged($integrationId: ID, $since: DateTime) {
    failureGroupChanged(integrationId: $integrationId, since: $since) {
      id
    }
  }
`);

export interface InboxListProps {
  filter: InboxFilter;
  showsTenant?: boolean;
  /** Something is filtered away: then an empty list is no good news. */
  isFiltered?: boolean;
}

const REFRESH_MS = 2_000;

/** The groups of the inbox, as long as it is, each with what can be done about it. It goes on by itself. */
export function InboxList({ filter, showsTenant = false, isFiltered = false }: InboxListProps) {
  const { t } = useTranslation("inbox");
  const navigate = useNavigate();
  const pages = usePages({
    query: INBOX,
    variables: { filter },
    connection: (data) => data.inbox,
    pageSize: 20,
    typenames: ["FailureGroup", "Retry"],
  });
  const refresh = useThrottled(pages.refresh, REFRESH_MS);
  useLive(INBOX_CHANGED, { variables: { integrationId: filter.integrationId }, onChange: refresh, onBehind: refresh });
  if (pages.isLoading) return <Card><Skeleton lines={8} height={24} /></Card>;
  if (pages.rows.length === 0 && pages.problem) return <ErrorState problem={pages.problem} onRetry={pages.refresh} />;
  if (pages.rows.length === 0) {
    return (
      <Card>
        <EmptyState icon={<CircleCheck size={32} aria-hidden />} title={t(isFiltered ? "empty.found" : "empty.title")}>
          {t(isFiltered ? "empty.foundHelp" : "empty.help")}
        </EmptyState>
      </Card>
    );
  }
  return (
    <VirtualList label={t("title")} pages={pages} itemHeight={190}>
      {(group) => (
        <InboxItem
          group={group}
          showsTenant={showsTenant}
          onDone={refresh}
          onRetryStarted={(retryId) => void navigate(`/groups/${group.id}?retry=${retryId}`)}
        />
      )}
    </VirtualList>
  );
}

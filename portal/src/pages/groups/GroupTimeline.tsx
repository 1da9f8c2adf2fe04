import { useTranslation } from "react-i18next";
import { graphql, usePages, type ResultOf } from "@/api";
import { usePermission } from "@/app/session";
import { Card, EmptyState, ErrorState, ListEnd, Skeleton } from "@/ui";
import { CommentForm } from "./CommentForm";
import styles from "./GroupTimeline.module.css";
import { TimelineEntry } from "./TimelineEntry";

export const ACTIVITY = graphql(`
  fragment GroupActivity on FailureGroupActivity {
    at
    kind
    audience
    actorName
    fromStatus
    toStatus
    fromParty
    toParty
    note
    assigneeName
    ruleName
  }
`);

const TIMELINE = graphql(`
  query GroupTimeline($id: ID!, $first: Int, $after: String) {
    failureGroup(id: $id) {
      id
      activity(first: $first, after: $after) {
        edges {
          cursor
          node {
            ...GroupActivity
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

export type GroupActivity = ResultOf<typeof ACTIVITY>;

/** What was done with a group and said about it, newest first; and a place to say something. */
export function GroupTimeline({ groupId }: { groupId: string }) {
  const { t } = useTranslation("groups");
  const mayComment = usePermission("failure_groups:manage");
  const pages = usePages({
    query: TIMELINE,
    variables: { id: groupId },
    // Activities have no ids; where they stand in the list is as good as one.
    connection: (data) =>
      data.failureGroup && {
        pageInfo: data.failureGroup.activity.pageInfo,
        edges: data.failureGroup.activity.edges.map(({ cursor, node }) => ({ node: { ...node, id: cursor } })),
      },
    typenames: ["FailureGroup"],
  });
  return (
    <Card title={t("timeline.title")}>
      {mayComment && <CommentForm groupId={groupId} onDone={pages.refresh} />}
      {pages.isLoading ? (
        <Skeleton lines={5} />
      ) : pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState title={t("timeline.none")} />
      ) : (
        <>
          <ol className={styles.timeline}>
            {pages.rows.map((activity) => (
              <li key={activity.id}>
                <TimelineEntry activity={activity} />
              </li>
            ))}
          </ol>
          <ListEnd pages={pages} />
        </>
      )}
    </Card>
  );
}

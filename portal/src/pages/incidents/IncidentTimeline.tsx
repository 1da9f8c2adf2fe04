import { Activity, CircleAlert, CirclePlus, FileText, Lock, type LucideIcon, Megaphone, MessageSquare, RefreshCw, Wifi } from "lucide-react";
import { useTranslation } from "react-i18next";
import { graphql, useEvery, usePages } from "@/api";
import type { IncidentEntryKind } from "@/api/generated/schema";
import { Badge, Button, ErrorState, Skeleton, StatusBadge, Time } from "@/ui";
import styles from "./IncidentTimeline.module.css";
import { READ_AGAIN_MS } from "./options";

const TIMELINE = graphql(`
  query IncidentTimeline($id: ID!, $first: Int, $after: String) {
    incident(id: $id) {
      id
      timeline(first: $first, after: $after) {
        edges {
          cursor
          node {
            at
            kind
            status
            text
            actorName
            isPublic
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

const icons: Record<IncidentEntryKind, LucideIcon> = {
  DETECTED: CircleAlert,
  AFFECTED: CirclePlus,
  STATUS: Activity,
  PUBLIC_MESSAGE: Megaphone,
  NOTE: MessageSquare,
  PROBE: RefreshCw,
  RECOVERED: Wifi,
  POSTMORTEM: FileText,
};

interface IncidentTimelineProps {
  incidentId: string;
  isManager: boolean;
  isOver: boolean;
}

/** What was found, done and said, newest first. */
export function IncidentTimeline({ incidentId, isManager, isOver }: IncidentTimelineProps) {
  const { t } = useTranslation("incidents");
  const pages = usePages({
    query: TIMELINE,
    variables: { id: incidentId },
    connection: ({ incident }) =>
      incident && {
        ...incident.timeline,
        // An entry has no id: its place in the list is one.
        edges: incident.timeline.edges.map(({ cursor, node }) => ({ node: { ...node, id: cursor } })),
      },
    typenames: ["Incident"],
  });
  useEvery(READ_AGAIN_MS, pages.refresh, isOver);
  if (pages.problem && pages.rows.length === 0) return <ErrorState problem={pages.problem} onRetry={pages.refresh} />;
  if (pages.isLoading) return <Skeleton lines={5} />;
  return (
    <>
      <ol className={styles.list}>
        {pages.rows.map((entry) => {
          const Icon = icons[entry.kind];
          return (
            <li key={entry.id} className={styles.entry}>
              <span className={styles.icon}>
                <Icon size={15} aria-hidden />
              </span>
              <div className={styles.words}>
                <p className={styles.head}>
                  <strong>{t(`timeline.kind.${entry.kind}`)}</strong>
                  {entry.status && <StatusBadge kind="incident" value={entry.status} />}
                  {isManager && !entry.isPublic && <Badge icon={<Lock size={12} aria-hidden />}>{t("timeline.internal")}</Badge>}
                </p>
                <p className={styles.text}>{entry.text}</p>
                <p className={styles.note}>
                  <Time at={entry.at} />
                  {entry.actorName && ` · ${entry.actorName}`}
                </p>
              </div>
            </li>
          );
        })}
      </ol>
      {pages.hasMore && (
        <Button size="small" isPending={pages.isLoadingMore} onPress={pages.loadMore}>
          {t("common:loadMore")}
        </Button>
      )}
    </>
  );
}

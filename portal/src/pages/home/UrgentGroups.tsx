import { CircleCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf, useLive, useThrottled, type ResultOf } from "@/api";
import { Card, Count, EmptyState, ErrorState, Link, Skeleton, StatusBadge, Time } from "@/ui";
import styles from "./UrgentGroups.module.css";

export const URGENT_GROUP = graphql(`
  fragment UrgentGroup on FailureGroup {
    id
    summary
    status
    impact
    failureCount
    lastSeenAt
    tenant {
      id
      name
    }
    integration {
      id
      name
    }
  }
`);

const HOME_INBOX = graphql(`
  query HomeInbox($tenantId: ID) {
    inbox(filter: { tenantId: $tenantId }, first: 5) {
      edges {
        node {
          ...UrgentGroup
        }
      }
    }
  }
`);

export const URGENT_GROUPS = graphql(`
  query HomeUrgentGroups($tenantId: ID) {
    failureGroups(
      filter: { tenantId: $tenantId, status: [NEW, ONGOING, ESCALATING, ACKNOWLEDGED, REGRESSED] }
      orderBy: { field: URGENCY }
      first: 8
    ) {
      edges {
        node {
          ...UrgentGroup
        }
      }
    }
  }
`);

const HOME_GROUPS_CHANGED = graphql(`
  subscription HomeGroupsChanged($since: DateTime) {
    failureGroupChanged(since: $since) {
      id
    }
  }
`);

type UrgentGroup = ResultOf<typeof URGENT_GROUP>;

interface UrgentGroupsProps {
  tenantId: string | undefined;
  isStaff: boolean;
  showsTenant: boolean;
}

const REFRESH_MS = 3_000;
const context = { requestPolicy: "cache-and-network" as const, additionalTypenames: ["FailureGroup", "Retry"] };

/** What is most urgent: of a tenant's people what needs them, of staff by impact times frequency over everybody. */
export function UrgentGroups({ tenantId, isStaff, showsTenant }: UrgentGroupsProps) {
  const { t } = useTranslation("home");
  const [inbox, askInbox] = useQuery({ query: HOME_INBOX, variables: { tenantId }, pause: isStaff, context });
  const [all, askAll] = useQuery({ query: URGENT_GROUPS, variables: { tenantId }, pause: !isStaff, context });
  const { error } = isStaff ? all : inbox;
  const connection = isStaff ? all.data?.failureGroups : inbox.data?.inbox;
  const refresh = () => (isStaff ? askAll : askInbox)({ requestPolicy: "network-only" });
  const renew = useThrottled(refresh, REFRESH_MS);
  useLive(HOME_GROUPS_CHANGED, { onChange: renew, onBehind: renew });
  const groups: readonly UrgentGroup[] | undefined = connection?.edges.map(({ node }) => node);
  return (
    <Card title={t(isStaff ? "urgent.titleStaff" : "urgent.title")} description={isStaff ? t("urgent.leadStaff") : undefined} actions={<Link to="/inbox">{t("urgent.inbox")}</Link>} flush>
      {error && !groups ? (
        <div className={styles.inset}>
          <ErrorState problem={problemOf(error)} onRetry={refresh} />
        </div>
      ) : !groups ? (
        <div className={styles.inset}>
          <Skeleton lines={4} height={32} />
        </div>
      ) : groups.length === 0 ? (
        <EmptyState icon={<CircleCheck size={28} aria-hidden />} title={t("urgent.none")}>
          {t("urgent.noneHelp")}
        </EmptyState>
      ) : (
        <ul className={styles.groups}>
          {groups.map((group) => (
            <li key={group.id} className={styles.group}>
              <div className={styles.words}>
                <Link kind="quiet" to={`/groups/${group.id}`}>
                  {group.summary}
                </Link>
                <span className={styles.note}>
                  {showsTenant && `${group.tenant.name} · `}
                  {group.integration.name} · <Count value={group.failureCount} /> {t("urgent.failures", { count: group.failureCount })} · <Time at={group.lastSeenAt} />
                </span>
              </div>
              <span className={styles.badges}>
                <StatusBadge kind="impact" value={group.impact} />
                <StatusBadge kind="group" value={group.status} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

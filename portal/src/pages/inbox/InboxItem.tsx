import { useTranslation } from "react-i18next";
import { SuggestedActions } from "@/actions";
import { Amount } from "@/pages/failures/Amount";
import { usePartyName } from "@/pages/failures/usePartyName";
import { actionsOf, subjectOf } from "@/pages/groups/groupActions";
import type { GroupRow } from "@/pages/groups/groupParts";
import { Count, Link, StatusBadge, Time } from "@/ui";
import styles from "./InboxItem.module.css";

interface InboxItemProps {
  group: GroupRow;
  showsTenant: boolean;
  onDone: () => void;
  onRetryStarted: (retryId: string) => void;
}

/** One cause: what happened, how much of it, what is at stake, who acts, and what to do. */
export function InboxItem({ group, showsTenant, onDone, onRetryStarted }: InboxItemProps) {
  const { t } = useTranslation("inbox");
  const partyName = usePartyName();
  return (
    <article className={styles.item} data-impact={group.impact}>
      <div className={styles.badges}>
        <StatusBadge kind="impact" value={group.impact} />
        <StatusBadge kind="group" value={group.status} />
        <span className={styles.where}>
          {showsTenant && <>{group.tenant.name} · </>}
          <Link kind="quiet" to={`/integrations/${group.integration.id}`}>
            {group.integration.name}
          </Link>
          {group.stream !== null && <> · {group.stream}</>}
        </span>
      </div>
      <h2 className={styles.summary}>
        <Link kind="quiet" to={`/groups/${group.id}`}>
          {group.summary}
        </Link>
      </h2>
      <p className={styles.todo}>{group.suggestedAction}</p>
      <dl className={styles.facts}>
        <div>
          <dt>{t("fact.records")}</dt>
          <dd>
            <Count value={group.failureCount} />
          </dd>
        </div>
        <div>
          <dt>{t("fact.since")}</dt>
          <dd>
            <Time at={group.firstSeenAt} />
          </dd>
        </div>
        <div>
          <dt>{t("fact.last")}</dt>
          <dd>
            <Time at={group.lastSeenAt} />
          </dd>
        </div>
        {group.valueAtStake !== null && (
          <div>
            <dt>{t("fact.value")}</dt>
            <dd>
              <Amount value={group.valueAtStake} />
            </dd>
          </div>
        )}
        <div>
          <dt>{t("fact.acts")}</dt>
          <dd>{partyName(group.responsibleParty)}</dd>
        </div>
      </dl>
      <SuggestedActions isBrief actions={actionsOf(group)} subject={subjectOf(group)} onDone={onDone} onRetryStarted={onRetryStarted} />
    </article>
  );
}

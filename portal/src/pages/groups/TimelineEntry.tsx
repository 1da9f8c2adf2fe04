import { ArrowRightLeft, CircleDot, Merge, MessageSquare, UserPlus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useIsStaff } from "@/app/session";
import { usePartyName } from "@/pages/failures/usePartyName";
import { Badge, StatusBadge, Time } from "@/ui";
import type { GroupActivity } from "./GroupTimeline";
import styles from "./GroupTimeline.module.css";

const icons = { STATUS: CircleDot, HAND_OVER: ArrowRightLeft, MERGE: Merge, COMMENT: MessageSquare, ASSIGN: UserPlus };

/** One thing that was done or said. */
export function TimelineEntry({ activity }: { activity: GroupActivity }) {
  const { t } = useTranslation(["groups", "failures"]);
  const isStaff = useIsStaff();
  const Icon = icons[activity.kind];
  const actor = activity.actorName ?? t("timeline.trestle");
  return (
    <>
      <span className={styles.icon} data-kind={activity.kind}>
        <Icon size={14} aria-hidden />
      </span>
      <div className={styles.words}>
        <p className={styles.line}>
          <strong>{actor}</strong>
          <What activity={activity} />
          <span className={styles.note}>
            <Time at={activity.at} />
          </span>
          {isStaff && activity.audience !== "CUSTOMER" && <Badge>{t(`failures:audience.${activity.audience}`)}</Badge>}
        </p>
        {activity.note !== null && <p className={styles.said}>{activity.note}</p>}
        {activity.ruleName !== null && <p className={styles.note}>{t("timeline.rule", { rule: activity.ruleName })}</p>}
      </div>
    </>
  );
}

function What({ activity }: { activity: GroupActivity }) {
  const { t } = useTranslation("groups");
  const partyName = usePartyName();
  switch (activity.kind) {
    case "STATUS":
      return (
        <>
          {activity.fromStatus === null ? t("timeline.began") : t("timeline.status")}
          {activity.toStatus !== null && <StatusBadge kind="group" value={activity.toStatus} />}
        </>
      );
    case "HAND_OVER":
      return <>{activity.toParty !== null && t("timeline.handOver", { party: partyName(activity.toParty) })}</>;
    case "ASSIGN":
      return <>{activity.assigneeName === null ? t("timeline.unassigned") : t("timeline.assigned", { name: activity.assigneeName })}</>;
    case "MERGE":
      return <>{t("timeline.merged")}</>;
    case "COMMENT":
      return <>{t("timeline.commented")}</>;
  }
}

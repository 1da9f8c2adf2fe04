import { useTranslation } from "react-i18next";
import { usePartyName } from "@/pages/failures/usePartyName";
import { Card, KeyValue, Link, Time } from "@/ui";
import type { GroupOfPage } from "./groupOfPage";

/** How far it is escalated; for staff. */
export function GroupEscalation({ escalation }: { escalation: NonNullable<GroupOfPage["escalation"]> }) {
  const { t } = useTranslation("groups");
  const partyName = usePartyName();
  return (
    <Card title={t("escalation.title")} actions={<Link to="/escalations">{t("escalation.policies")}</Link>}>
      <KeyValue
        entries={[
          [t("escalation.policy"), escalation.policyName ?? t("escalation.none")],
          [t("escalation.began"), <Time key="began" at={escalation.startedAt} />],
          [t("escalation.told"), t("escalation.times", { count: escalation.step })],
          [
            t("escalation.next"),
            escalation.nextAt !== null && (
              <span key="next">
                <Time at={escalation.nextAt} />
                {escalation.nextParty !== null && `, ${partyName(escalation.nextParty)}`}
              </span>
            ),
          ],
          [t("escalation.acknowledged"), escalation.acknowledgedAt !== null && <Time key="acknowledged" at={escalation.acknowledgedAt} />],
          [t("escalation.stopped"), escalation.stoppedAt !== null && <Time key="stopped" at={escalation.stoppedAt} />],
        ]}
      />
    </Card>
  );
}

import { useTranslation } from "react-i18next";
import { useIsStaff } from "@/app/session";
import { Amount } from "@/pages/failures/Amount";
import { usePartyName } from "@/pages/failures/usePartyName";
import { Card, Code, Count, KeyValue, Link, Time } from "@/ui";
import type { GroupOfPage } from "./groupOfPage";

/** How many, since when, where, and who acts. */
export function GroupFacts({ group }: { group: GroupOfPage }) {
  const { t } = useTranslation(["groups", "failures"]);
  const isStaff = useIsStaff();
  const partyName = usePartyName();
  return (
    <Card title={t("facts")}>
      <KeyValue
        entries={[
          [t("fact.acts"), partyName(group.responsibleParty)],
          [t("fact.assignee"), group.assignee?.name ?? t("fact.nobody")],
          [t("fact.tenant"), isStaff && <Link key="tenant" to={`/tenants/${group.tenant.id}`}>{group.tenant.name}</Link>],
          [t("fact.integration"), <Link key="integration" to={`/integrations/${group.integration.id}`}>{group.integration.name}</Link>],
          [t("fact.stream"), group.stream],
          [t("fact.failures"), <Count key="failures" value={group.failureCount} />],
          [t("fact.runs"), <Count key="runs" value={group.runCount} />],
          [t("fact.value"), group.valueAtStake !== null && <Amount key="value" value={group.valueAtStake} />],
          [t("fact.firstSeen"), <Time key="first" at={group.firstSeenAt} as="absolute" />],
          [t("fact.lastSeen"), <Time key="last" at={group.lastSeenAt} />],
          [t("fact.statusSince"), <Time key="status" at={group.statusAt} />],
          [t("fact.snoozedUntil"), group.snoozedUntil !== null && <Time key="snoozed" at={group.snoozedUntil} as="absolute" />],
          [t("fact.snoozedUntilCount"), group.snoozedUntilCount !== null && t("fact.failuresInAll", { count: group.snoozedUntilCount })],
          [t("fact.snoozedUntilRate"), group.snoozedUntilHourCount !== null && t("fact.failuresAnHour", { count: group.snoozedUntilHourCount })],
          [t("fact.field"), group.fieldPath !== null && <Code key="field">{group.fieldPath}</Code>],
          [t("fact.rule"), group.rule],
          [t("fact.category"), t(`failures:category.${group.category}`)],
          [t("fact.stage"), t(`failures:stage.${group.stage}`)],
          [t("fact.code"), <Code key="code">{group.code}</Code>],
          [t("fact.reason"), group.reason],
        ]}
      />
    </Card>
  );
}

import { useTranslation } from "react-i18next";
import { Card, Code, CopyButton, KeyValue, Link, Time } from "@/ui";
import { useIsStaff } from "@/app/session";
import { Amount } from "./Amount";
import type { FailureOfPage } from "./failureOfPage";
import { usePartyName } from "./usePartyName";

/** Where and when it failed, and what depends on it. */
export function FailureFacts({ failure }: { failure: FailureOfPage }) {
  const { t } = useTranslation("failures");
  const isStaff = useIsStaff();
  const partyName = usePartyName();
  return (
    <Card title={t("page.facts")}>
      <KeyValue
        entries={[
          [t("column.acts"), partyName(failure.responsibleParty)],
          [t("fact.tenant"), isStaff && <Link key="tenant" to={`/tenants/${failure.tenant.id}`}>{failure.tenant.name}</Link>],
          [t("column.integration"), <Link key="integration" to={`/integrations/${failure.integration.id}`}>{failure.integration.name}</Link>],
          [t("fact.stream"), failure.stream],
          [t("fact.run"), failure.run && <Link key="run" to={`/runs/${failure.run.id}`}><Time at={failure.run.queuedAt} as="absolute" /></Link>],
          [
            t("fact.group"),
            failure.group && (
              <Link key="group" to={`/groups/${failure.group.id}`}>
                {t("fact.groupOf", { count: failure.group.failureCount })}
              </Link>
            ),
          ],
          [t("fact.impactReason"), failure.impactReason],
          [t("fact.value"), failure.valueAtStake !== null && <Amount key="value" value={failure.valueAtStake} />],
          [t("column.failedAt"), <Time key="failed" at={failure.failedAt} as="absolute" />],
          [t("column.attempts"), failure.attempts],
          [t("fact.lastAttempt"), failure.attempts > 1 && <Time key="last" at={failure.lastAttemptAt} as="absolute" />],
          [t("fact.nextAttempt"), failure.nextAttemptAt !== null && <Time key="next" at={failure.nextAttemptAt} />],
          [t("column.category"), t(`category.${failure.category}`)],
          [t("fact.stage"), t(`stage.${failure.stage}`)],
          [t("fact.code"), <Code key="code">{failure.code}</Code>],
          [t("fact.id"), <span key="id"><Code>{failure.id}</Code> <CopyButton text={failure.id} label={t("fact.copyId")} /></span>],
        ]}
      />
    </Card>
  );
}

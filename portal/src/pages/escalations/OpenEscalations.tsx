import { CircleCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import "./SlaClockView";
import { graphql, useEvery, usePages, type ResultOf } from "@/api";
import type { FailureGroupStatus, ResponsibleParty } from "@/api/generated/schema";
import { useTenantScope } from "@/app/session";
import { Card, EmptyState, ErrorState, FilterBar, Skeleton, StatusBadge, Time, useAddress, VirtualTable, type Column } from "@/ui";
import styles from "./Escalations.module.css";
import { parties } from "./parties";
import { SlaClockView } from "./SlaClockView";

const GROUPS = graphql(`
  query EscalatedGroups($filter: FailureGroupFilter, $first: Int, $after: String) {
    failureGroups(filter: $filter, orderBy: { field: URGENCY, direction: DESC }, first: $first, after: $after) {
      edges {
        node {
          id
          summary
          status
          impact
          responsibleParty
          firstSeenAt
          tenant {
            id
            name
          }
          integration {
            id
            name
          }
          escalation {
            policyName
            step
            nextAt
            nextParty
            acknowledgedAt
            stoppedAt
          }
          sla {
            ...SlaClockParts
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Group = ResultOf<typeof GROUPS>["failureGroups"]["edges"][number]["node"];

const open: FailureGroupStatus[] = ["NEW", "ONGOING", "ESCALATING", "REGRESSED", "ACKNOWLEDGED", "SNOOZED"];
const READ_AGAIN_MS = 30_000;

/** Groups of failures that are not over, the most urgent first: how far each is escalated, and what was promised about it. */
export function OpenEscalations() {
  const { t } = useTranslation("escalations");
  const { tenant } = useTenantScope();
  const [address] = useAddress();
  const party = parties.find((each) => each === address.get("party"));
  const takenUp = address.get("taken");
  const status = takenUp === "no" ? open.filter((each) => each !== "ACKNOWLEDGED" && each !== "SNOOZED") : open;
  const pages = usePages({
    query: GROUPS,
    variables: { filter: { status, tenantId: tenant?.id, ...(party && { responsibleParty: [party] }) } },
    connection: (data) => data.failureGroups,
    typenames: ["FailureGroup"],
  });
  useEvery(READ_AGAIN_MS, pages.refresh);
  const columns: Column<Group>[] = [
    {
      id: "summary",
      header: t("column.group"),
      isRowHeader: true,
      width: "minmax(240px, 3fr)",
      cell: (group) => group.summary,
    },
    {
      id: "where",
      header: t("column.where"),
      width: "minmax(130px, 1.2fr)",
      cell: (group) => (
        <span className={styles.stack}>
          {group.integration.name}
          <span className={styles.note}>{group.tenant.name}</span>
        </span>
      ),
    },
    {
      id: "status",
      header: t("column.status"),
      width: "150px",
      cell: (group) => (
        <span className={styles.stack}>
          <StatusBadge kind="group" value={group.status} />
          <StatusBadge kind="impact" value={group.impact} />
        </span>
      ),
    },
    {
      id: "party",
      header: t("column.party"),
      width: "minmax(150px, 1.2fr)",
      cell: (group) => (
        <span className={styles.stack}>
          <strong>{t(`party.${group.responsibleParty}`)}</strong>
          <NextStep group={group} />
        </span>
      ),
    },
    {
      id: "clocks",
      header: t("column.clocks"),
      width: "minmax(210px, 1.6fr)",
      cell: (group) =>
        group.sla.length === 0 ? (
          <span className={styles.note}>{t("sla.none")}</span>
        ) : (
          <span className={styles.clocks}>
            {group.sla.map((clock) => (
              <SlaClockView key={clock.kind} clock={clock} />
            ))}
          </span>
        ),
    },
  ];
  return (
    <>
      <FilterBar
        filters={[
          {
            kind: "choice",
            name: "party",
            label: t("column.party"),
            options: parties.map((id) => ({ id, label: t(`party.${id}`) })),
          },
          { kind: "choice", name: "taken", label: t("filter.taken"), options: [{ id: "no", label: t("filter.notTaken") }] },
        ]}
      />
      {pages.problem && pages.rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.isLoading ? (
        <Skeleton lines={8} height={48} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<CircleCheck size={32} aria-hidden />} title={t("open.empty")}>
          {t("open.emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable label={t("open.title")} pages={pages} columns={columns} to={({ id }) => `/groups/${id}`} rowHeight={78} />
        </Card>
      )}
    </>
  );
}

function NextStep({ group: { escalation } }: { group: { escalation?: Group["escalation"] } }) {
  const { t } = useTranslation("escalations");
  if (!escalation) return null;
  const to: ResponsibleParty | null = escalation.nextParty ?? null;
  return (
    <span className={styles.note}>
      {escalation.acknowledgedAt ? (
        <>
          {t("step.taken")} <Time at={escalation.acknowledgedAt} />
        </>
      ) : escalation.nextAt && to ? (
        <>
          {t("step.next", { party: t(`party.${to}`) })} <Time at={escalation.nextAt} />
        </>
      ) : escalation.policyName ? (
        t("step.end")
      ) : (
        t("step.noPolicy")
      )}
      {escalation.step > 0 && ` · ${t("step.told", { count: escalation.step })}`}
    </span>
  );
}

import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import "./policyParts";
import { graphql, useMutationForm, usePages } from "@/api";
import { usePermission } from "@/app/session";
import { useLanguage } from "@/i18n";
import {
  Badge,
  Button,
  Card,
  EmptyState,
  ErrorState,
  format,
  FormBanner,
  ListEnd,
  Skeleton,
  Switch,
  Table,
  type Column,
} from "@/ui";
import styles from "./Escalations.module.css";
import { PolicyDialog } from "./PolicyDialog";
import type { Policy } from "./policyParts";

const POLICIES = graphql(`
  query EscalationPolicies($first: Int, $after: String) {
    escalationPolicies(first: $first, after: $after) {
      edges {
        node {
          ...PolicyParts
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const SWITCH = graphql(`
  mutation SwitchEscalationPolicy($input: UpdateEscalationPolicyInput!) {
    updateEscalationPolicy(input: $input) {
      escalationPolicy {
        ...PolicyParts
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Policies in the order in which they are asked; the first that fits a group is its. */
export function Policies() {
  const { t } = useTranslation("escalations");
  const mayManage = usePermission("escalations:manage");
  const [open, setOpen] = useState<Policy | "new" | null>(null);
  const pages = usePages({
    query: POLICIES,
    connection: (data) => data.escalationPolicies,
    pageSize: 100,
    typenames: ["EscalationPolicy"],
  });
  const toggle = useMutationForm(SWITCH, {
    payload: (data) => data.updateEscalationPolicy,
    onRefused: pages.refresh,
  });
  const columns = useColumns();
  const on: Column<Policy> = {
    id: "on",
    header: t("policies.on"),
    width: "90px",
    cell: (policy) => (
      <Switch
        aria-label={t("policies.onOf", { name: policy.name })}
        isSelected={policy.isEnabled}
        isDisabled={!mayManage || toggle.isBusy}
        onChange={(isEnabled) => void toggle.submit({ policyId: policy.id, version: policy.version, isEnabled })}
      >
        <span className="visually-hidden">{policy.isEnabled ? t("policies.isOn") : t("policies.isOff")}</span>
      </Switch>
    ),
  };
  const change: Column<Policy> = {
    id: "change",
    header: t("policies.change"),
    hideHeader: true,
    align: "end",
    width: "100px",
    cell: (policy) => (
      <Button size="small" onPress={() => setOpen(policy)} aria-label={t("policies.changeOf", { name: policy.name })}>
        {t("policies.change")}
      </Button>
    ),
  };
  if (pages.problem && pages.rows.length === 0) return <ErrorState problem={pages.problem} onRetry={pages.refresh} />;
  if (pages.isLoading) return <Skeleton lines={6} height={40} />;
  return (
    <>
      <FormBanner form={toggle} />
      <Card
        flush
        title={t("policies.title")}
        description={t("policies.lead")}
        actions={
          mayManage && (
            <Button kind="primary" icon={<Plus size={16} aria-hidden />} onPress={() => setOpen("new")}>
              {t("policies.new")}
            </Button>
          )
        }
      >
        {pages.rows.length === 0 ? (
          <EmptyState title={t("policies.empty")} />
        ) : (
          <Table label={t("policies.title")} rows={pages.rows} columns={mayManage ? [...columns, on, change] : [...columns, on]} />
        )}
        <ListEnd pages={pages} />
      </Card>
      {open && <PolicyDialog policy={open === "new" ? null : open} onClose={() => setOpen(null)} />}
    </>
  );
}

function useColumns(): Column<Policy>[] {
  const { t } = useTranslation("escalations");
  const language = useLanguage();
  const long = (seconds: number) => format.duration(seconds * 1_000, language);
  return [
    {
      id: "name",
      header: t("policies.name"),
      isRowHeader: true,
      width: "minmax(160px, 1.4fr)",
      cell: (policy) => (
        <span className={styles.stack}>
          {policy.name}
          {policy.isDefault && <Badge>{t("policies.standard")}</Badge>}
        </span>
      ),
    },
    {
      id: "for",
      header: t("policies.for"),
      width: "minmax(150px, 1.4fr)",
      cell: ({ selectors: { tenantIds, codes, categories } }) => {
        const parts = [
          tenantIds.length > 0 && t("policies.tenants", { count: tenantIds.length }),
          codes.length > 0 && codes.join(", "),
          categories.length > 0 && categories.map((each) => t(`category.${each}`)).join(", "),
        ].filter(Boolean);
        return parts.length === 0 ? t("policies.all") : parts.join(" · ");
      },
    },
    {
      id: "steps",
      header: t("policies.steps"),
      width: "minmax(220px, 2fr)",
      cell: ({ steps }) =>
        steps.length === 0 ? (
          "–"
        ) : (
          <ol className={styles.steps}>
            {steps.map((step, index) => (
              <li key={index}>
                {t("policies.step", { after: long(step.afterSeconds), party: t(`party.${step.party}`) })}
                {step.repeatCount > 0 && ` ${t("policies.repeat", { count: step.repeatCount })}`}
              </li>
            ))}
          </ol>
        ),
    },
    {
      id: "promises",
      header: t("promises.title"),
      width: "minmax(160px, 1.2fr)",
      cell: ({ respondWithinSeconds, resolveWithinSeconds }) => (
        <span className={styles.stack}>
          {respondWithinSeconds != null && <span>{t("policies.respond", { within: long(respondWithinSeconds) })}</span>}
          {resolveWithinSeconds != null && <span>{t("policies.resolve", { within: long(resolveWithinSeconds) })}</span>}
          {respondWithinSeconds == null && resolveWithinSeconds == null && t("sla.none")}
        </span>
      ),
    },
  ];
}

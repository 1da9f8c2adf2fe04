import { ListFilter, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, usePages } from "@/api";
import { usePermission } from "@/app/session";
import { Button, Card, type Column, EmptyState, ErrorState, FilterBar, Skeleton, VirtualTable } from "@/ui";
import { Owner } from "./Owner";
import { PolicyActions } from "./PolicyActions";
import { PolicyDialog } from "./PolicyDialog";
import "./policyFields";
import type { Policy } from "./policyFields";
import { PolicyInWords } from "./PolicyInWords";
import { PolicyState } from "./PolicyState";
import { useOwner } from "./useOwner";

const POLICIES = graphql(`
  query NoticePolicies($filter: NoticePolicyFilter, $channels: NoticeChannelFilter, $first: Int, $after: String) {
    noticePolicies(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          ...PolicyFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
    noticeChannels(filter: $channels, first: 100) {
      edges {
        node {
          id
          name
          kind
          tenantId
        }
      }
    }
  }
`);

/** Of what is told, by which channels, and when. */
export function PolicyList() {
  const { t } = useTranslation("notices");
  const owner = useOwner();
  const mayManage = usePermission("notices:manage");
  const [editing, setEditing] = useState<Policy | "new" | null>(null);
  const pages = usePages({
    query: POLICIES,
    variables: { filter: owner.filter, channels: owner.filter },
    connection: (data) => data.noticePolicies,
    typenames: ["NoticePolicy", "NoticeChannel"],
  });
  const channels = pages.data?.noticeChannels.edges.map(({ node }) => node) ?? [];
  const nameOf = (id: string) => channels.find((channel) => channel.id === id)?.name ?? id;
  const columns: Column<Policy>[] = [
    { id: "name", header: t("name"), width: "minmax(140px, 1.4fr)", cell: ({ name }) => name },
    ...(owner.isOpen ? [{ id: "owner", header: t("owner.label"), cell: ({ tenantId }: Policy) => <Owner tenantId={tenantId} /> }] : []),
    { id: "what", header: t("policy.tells"), width: "minmax(220px, 3fr)", cell: (policy) => <PolicyInWords policy={policy} /> },
    { id: "channels", header: t("tab.channels"), width: "minmax(120px, 1.2fr)", cell: ({ channelIds }) => channelIds.map(nameOf).join(", ") },
    { id: "state", header: t("state"), width: "minmax(90px, .8fr)", cell: ({ isEnabled }) => <PolicyState isEnabled={isEnabled} /> },
    ...(mayManage
      ? [
          {
            id: "actions",
            header: t("actions"),
            hideHeader: true,
            align: "end" as const,
            width: "48px",
            cell: (policy: Policy) => <PolicyActions policy={policy} onEdit={() => setEditing(policy)} />,
          },
        ]
      : []),
  ];
  const make = mayManage && (
    <Button kind="primary" icon={<Plus size={16} aria-hidden />} onPress={() => setEditing("new")}>
      {t("policy.new")}
    </Button>
  );
  const ownerOf = editing === "new" || editing === null ? owner.tenantId : (editing.tenantId ?? null);
  return (
    <>
      {owner.filters.length > 0 && <FilterBar filters={owner.filters} />}
      {pages.isLoading ? (
        <Skeleton lines={4} height={40} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<ListFilter size={28} aria-hidden />} title={t("policy.empty")} actions={make}>
          {t("policy.lead")}
        </EmptyState>
      ) : (
        <Card title={t("tab.policies")} description={t("policy.lead")} actions={make} flush>
          <VirtualTable label={t("tab.policies")} pages={pages} columns={columns} rowHeight={84} />
        </Card>
      )}
      {editing && (
        <PolicyDialog
          policy={editing === "new" ? null : editing}
          tenantId={owner.tenantId}
          channels={channels.filter(({ tenantId }) => !owner.isOpen || (tenantId ?? null) === ownerOf)}
          onClose={() => setEditing(null)}
        />
      )}
    </>
  );
}

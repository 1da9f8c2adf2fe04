import { Plus, RadioTower } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, usePages } from "@/api";
import { usePermission } from "@/app/session";
import { Banner, Button, Card, type Column, EmptyState, ErrorState, FilterBar, SecretDialog, Skeleton, VirtualTable } from "@/ui";
import { ChannelActions } from "./ChannelActions";
import { ChannelDialog } from "./ChannelDialog";
import "./channelFields";
import type { Channel } from "./channelFields";
import { ChannelPlace } from "./ChannelPlace";
import { ChannelState } from "./ChannelState";
import { Owner } from "./Owner";
import { useOwner } from "./useOwner";

const CHANNELS = graphql(`
  query NoticeChannels($filter: NoticeChannelFilter, $first: Int, $after: String) {
    noticeChannels(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          ...ChannelFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export interface Tested {
  name: string;
  delivered: boolean | null;
  message: string;
}

/** Where notices go to. */
export function ChannelList() {
  const { t } = useTranslation("notices");
  const owner = useOwner();
  const mayManage = usePermission("notices:manage");
  const [editing, setEditing] = useState<Channel | "new" | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const [tested, setTested] = useState<Tested | null>(null);
  const pages = usePages({
    query: CHANNELS,
    variables: { filter: owner.filter },
    connection: (data) => data.noticeChannels,
    pageSize: 100,
    typenames: ["NoticeChannel"],
  });
  const columns: Column<Channel>[] = [
    { id: "name", header: t("name"), width: "minmax(150px, 1.4fr)", cell: ({ name }) => name },
    ...(owner.isOpen ? [{ id: "owner", header: t("owner.label"), cell: ({ tenantId }: Channel) => <Owner tenantId={tenantId} /> }] : []),
    { id: "kind", header: t("channel.kindLabel"), width: "minmax(90px, .8fr)", cell: ({ kind }) => t(`channel.kind.${kind}`) },
    { id: "place", header: t("to"), width: "minmax(200px, 2.4fr)", cell: (channel) => <ChannelPlace channel={channel} /> },
    { id: "state", header: t("state"), width: "minmax(150px, 1.4fr)", cell: (channel) => <ChannelState channel={channel} /> },
    ...(mayManage
      ? [
          {
            id: "actions",
            header: t("actions"),
            hideHeader: true,
            align: "end" as const,
            width: "minmax(130px, 1fr)",
            cell: (channel: Channel) => (
              <ChannelActions channel={channel} onEdit={() => setEditing(channel)} onSecret={setSecret} onTested={setTested} />
            ),
          },
        ]
      : []),
  ];
  const make = mayManage && (
    <Button kind="primary" icon={<Plus size={16} aria-hidden />} onPress={() => setEditing("new")}>
      {t("channel.new")}
    </Button>
  );
  return (
    <>
      {owner.filters.length > 0 && <FilterBar filters={owner.filters} />}
      {tested && (
        <Banner tone={tested.delivered === true ? "success" : tested.delivered === false ? "danger" : "info"} title={t("channel.tested", { name: tested.name })}>
          {tested.message}
        </Banner>
      )}
      {pages.isLoading ? (
        <Skeleton lines={4} height={40} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<RadioTower size={28} aria-hidden />} title={t("channel.empty")} actions={make}>
          {t("channel.lead")}
        </EmptyState>
      ) : (
        <Card title={t("tab.channels")} description={t("channel.lead")} actions={make} flush>
          <VirtualTable label={t("tab.channels")} pages={pages} columns={columns} />
        </Card>
      )}
      {editing && (
        <ChannelDialog
          channel={editing === "new" ? null : editing}
          tenantId={owner.tenantId}
          onClose={() => setEditing(null)}
          onSecret={setSecret}
        />
      )}
      <SecretDialog title={t("channel.secretTitle")} label={t("channel.secret")} secret={secret} onClose={() => setSecret(null)}>
        {t("channel.secretLead")}
      </SecretDialog>
    </>
  );
}

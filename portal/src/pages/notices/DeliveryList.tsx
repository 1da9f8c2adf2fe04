import { Send } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useLocation } from "react-router";
import { useQuery } from "urql";
import { graphql, type ResultOf, usePages } from "@/api";
import type { NoticeDeliveryStatus } from "@/api/generated/schema";
import { Card, type Column, EmptyState, ErrorState, FilterBar, Skeleton, StatusBadge, Time, useAddress, VirtualTable } from "@/ui";
import { noticeTarget } from "./noticeTarget";
import { useOwner } from "./useOwner";

const DELIVERIES = graphql(`
  query NoticeDeliveries($filter: NoticeDeliveryFilter, $first: Int, $after: String) {
    noticeDeliveries(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          noticeId
          channelId
          recipient
          status
          nextAttemptAt
          createdAt
          finishedAt
          lastError
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const CHANNEL_NAMES = graphql(`
  query ChannelNames($filter: NoticeChannelFilter) {
    noticeChannels(filter: $filter, first: 100) {
      edges {
        node {
          id
          name
          url
        }
      }
    }
  }
`);

type NoticeDelivery = ResultOf<typeof DELIVERIES>["noticeDeliveries"]["edges"][number]["node"];

const statuses: readonly NoticeDeliveryStatus[] = ["QUEUED", "DELIVERED", "FAILED", "PARKED"];

/** Whether what was told arrived: each way to each receiver. */
export function DeliveryList() {
  const { t } = useTranslation(["notices", "common"]);
  const owner = useOwner();
  const { search } = useLocation();
  const [address] = useAddress();
  const status = address.get("status") as NoticeDeliveryStatus | null;
  const pages = usePages({
    query: DELIVERIES,
    variables: { filter: { ...owner.filter, channelId: address.get("channel"), status: status && [status] } },
    connection: (data) => data.noticeDeliveries,
    typenames: ["NoticeDelivery"],
  });
  const [{ data }] = useQuery({ query: CHANNEL_NAMES, variables: { filter: owner.filter } });
  const channels = data?.noticeChannels.edges.map(({ node }) => node) ?? [];
  const channelOf = (id: string) => channels.find((channel) => channel.id === id);
  const columns: Column<NoticeDelivery>[] = [
    {
      id: "to",
      header: t("to"),
      width: "minmax(180px, 2fr)",
      cell: ({ recipient, channelId }) => recipient ?? channelOf(channelId)?.url ?? channelOf(channelId)?.name ?? t("goneChannel"),
    },
    { id: "channel", header: t("channel.one"), cell: ({ channelId }) => channelOf(channelId)?.name ?? "–" },
    { id: "status", header: t("arrived"), width: "minmax(120px, 1fr)", cell: (delivery) => <StatusBadge kind="delivery" value={delivery.status} /> },
    { id: "error", header: t("why"), width: "minmax(180px, 2fr)", cell: ({ lastError }) => lastError ?? "–" },
    { id: "next", header: t("next"), cell: ({ nextAttemptAt }) => (nextAttemptAt != null ? <Time at={nextAttemptAt} /> : "–"), isLeftOutOnPhones: true },
    { id: "at", header: t("at"), cell: ({ createdAt }) => <Time at={createdAt} /> },
  ];
  return (
    <>
      <FilterBar
        filters={[
          { kind: "choice", name: "status", label: t("arrived"), options: statuses.map((id) => ({ id, label: t(`common:status.delivery.${id}`) })) },
          { kind: "choice", name: "channel", label: t("channel.one"), options: channels.map(({ id, name }) => ({ id, label: name })) },
          ...owner.filters,
        ]}
      />
      {pages.isLoading ? (
        <Skeleton lines={8} height={32} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<Send size={28} aria-hidden />} title={t("emptyDeliveries")} />
      ) : (
        <Card flush>
          <VirtualTable label={t("tab.deliveries")} pages={pages} columns={columns} to={({ noticeId }) => noticeTarget(search, noticeId)} />
        </Card>
      )}
    </>
  );
}

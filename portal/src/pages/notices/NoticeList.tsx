import { BellRing } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useLocation } from "react-router";
import { graphql, type ResultOf, usePages } from "@/api";
import type { OccasionKind } from "@/api/generated/schema";
import { Card, type Column, EmptyState, ErrorState, FilterBar, Skeleton, StatusBadge, Time, useAddress, VirtualTable } from "@/ui";
import { arrivalOf } from "./arrival";
import { noticeTarget } from "./noticeTarget";
import { NoticeTitle } from "./NoticeTitle";
import { occasions } from "./occasions";
import { Owner } from "./Owner";
import { useOwner } from "./useOwner";

const NOTICES = graphql(`
  query Notices($filter: NoticeFilter, $first: Int, $after: String) {
    notices(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          tenantId
          kind
          itemCount
          channelName
          policyName
          waitsFor
          dueAt
          createdAt
          items {
            title
            isRecovery
          }
          deliveries {
            id
            status
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

type Notice = ResultOf<typeof NOTICES>["notices"]["edges"][number]["node"];

/** What was told, the newest first. */
export function NoticeList() {
  const { t } = useTranslation("notices");
  const owner = useOwner();
  const { search } = useLocation();
  const [address] = useAddress();
  const kind = address.get("kind") as OccasionKind | null;
  const pages = usePages({
    query: NOTICES,
    variables: { filter: { ...owner.filter, occasionKinds: kind && [kind] } },
    connection: (data) => data.notices,
    typenames: ["Notice"],
  });
  const columns: Column<Notice>[] = [
    { id: "title", header: t("what"), width: "minmax(240px, 3fr)", cell: (notice) => <NoticeTitle notice={notice} /> },
    ...(owner.isOpen ? [{ id: "owner", header: t("owner.label"), cell: ({ tenantId }: Notice) => <Owner tenantId={tenantId} /> }] : []),
    { id: "channel", header: t("channel.one"), cell: ({ channelName }) => channelName },
    { id: "policy", header: t("policy.one"), cell: ({ policyName }) => policyName ?? "–", isLeftOutOnPhones: true },
    {
      id: "arrival",
      header: t("arrived"),
      width: "minmax(150px, 1.2fr)",
      cell: ({ deliveries, waitsFor, dueAt }) => {
        const arrival = arrivalOf(deliveries);
        if (arrival) return <StatusBadge kind="delivery" value={arrival} />;
        if (waitsFor == null) return t("nobody");
        return (
          <span>
            {t(`wait.${waitsFor}`)} {dueAt != null && <Time at={dueAt} />}
          </span>
        );
      },
    },
    { id: "at", header: t("at"), cell: ({ createdAt }) => <Time at={createdAt} /> },
  ];
  return (
    <>
      <FilterBar
        filters={[
          { kind: "choice", name: "kind", label: t("what"), options: occasions.map((id) => ({ id, label: t(`occasion.${id}`) })) },
          ...owner.filters,
        ]}
      />
      {pages.isLoading ? (
        <Skeleton lines={8} height={32} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<BellRing size={28} aria-hidden />} title={t("empty")}>
          {t("emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable label={t("tab.told")} pages={pages} columns={columns} to={({ id }) => noticeTarget(search, id)} />
        </Card>
      )}
    </>
  );
}

import { MonitorCheck } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, useMutationForm, usePages } from "@/api";
import { Badge, Button, Card, type Column, ConfirmDialog, ProblemBanner, Skeleton, Table, Time, toast } from "@/ui";
import { deviceOf } from "./device";

const SESSIONS = graphql(`
  query OwnSessions($first: Int, $after: String) {
    viewer {
      sessions(first: $first, after: $after) {
        edges {
          node {
            id
            createdAt
            lastUsedAt
            expiresAt
            address
            userAgent
            isCurrent
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

const END = graphql(`
  mutation EndSession($input: EndSessionInput!) {
    endSession(input: $input) {
      endedSessionId
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Where one is signed in, and an end to what one does not know. */
export function SessionsCard() {
  const { t } = useTranslation("settings");
  const pages = usePages({ query: SESSIONS, connection: (data) => data.viewer.sessions, typenames: ["Session"] });
  const [ending, setEnding] = useState<string | null>(null);
  const form = useMutationForm(END, {
    payload: (data) => data.endSession,
    onDone: ({ endedSessionId }) => {
      if (endedSessionId) pages.remove([endedSessionId]);
      setEnding(null);
      toast(t("sessions.ended"));
    },
  });
  const columns: Column<(typeof pages.rows)[number]>[] = [
    {
      id: "device",
      header: t("sessions.device"),
      width: "minmax(160px, 2fr)",
      cell: ({ userAgent, isCurrent }) => (
        <>
          <span title={userAgent ?? undefined}>{userAgent ? deviceOf(userAgent) : t("sessions.unknown")}</span>{" "}
          {isCurrent && (
            <Badge tone="success" icon={<MonitorCheck size={13} aria-hidden />}>
              {t("sessions.current")}
            </Badge>
          )}
        </>
      ),
    },
    { id: "address", header: t("sessions.address"), cell: ({ address }) => address ?? "–" },
    { id: "used", header: t("sessions.used"), cell: ({ lastUsedAt }) => <Time at={lastUsedAt} /> },
    { id: "since", header: t("sessions.since"), cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      id: "end",
      header: t("sessions.end"),
      hideHeader: true,
      align: "end",
      width: "110px",
      cell: ({ id, isCurrent }) =>
        !isCurrent && (
          <Button size="small" onPress={() => setEnding(id)}>
            {t("sessions.end")}
          </Button>
        ),
    },
  ];
  return (
    <Card title={t("sessions.title")} description={t("sessions.lead")} flush>
      {pages.isLoading && <Skeleton lines={3} height={28} />}
      {pages.problem && <ProblemBanner problem={pages.problem} onRetry={pages.refresh} />}
      {pages.rows.length > 0 && <Table label={t("sessions.title")} rows={pages.rows} columns={columns} />}
      {pages.hasMore && (
        <Button kind="quiet" isPending={pages.isLoadingMore} onPress={pages.loadMore}>
          {t("sessions.more")}
        </Button>
      )}
      <ConfirmDialog
        title={t("sessions.endTitle")}
        isOpen={ending !== null}
        onClose={() => setEnding(null)}
        action={t("sessions.end")}
        onConfirm={() => void (ending !== null && form.submit({ sessionId: ending }))}
        isDanger
        form={form}
      >
        {t("sessions.endLead")}
      </ConfirmDialog>
    </Card>
  );
}

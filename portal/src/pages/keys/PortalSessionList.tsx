import { AppWindow, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, type ResultOf, useMutationForm, usePages } from "@/api";
import { useIsStaff, useTenantScope } from "@/app/session";
import { Button, Card, type Column, ConfirmDialog, EmptyState, ErrorState, FilterBar, Skeleton, Time, toast, useAddress, useNow, VirtualTable } from "@/ui";
import { KeyState } from "./KeyState";
import { PortalSessionDialog } from "./PortalSessionDialog";
import { ScopesInShort } from "./ScopesInShort";

const PORTAL_SESSIONS = graphql(`
  query PortalSessions($filter: PortalSessionFilter, $first: Int, $after: String) {
    portalSessions(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          endUser
          scopes
          createdAt
          expiresAt
          endedAt
          tenant {
            id
            name
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

const END = graphql(`
  mutation EndPortalSession($input: EndPortalSessionInput!) {
    endPortalSession(input: $input) {
      portalSession {
        id
        endedAt
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const END_ALL = graphql(`
  mutation EndPortalSessions($input: EndPortalSessionsInput!) {
    endPortalSessions(input: $input) {
      endedCount
      userErrors {
        code
        field
        message
      }
    }
  }
`);

type PortalSession = ResultOf<typeof PORTAL_SESSIONS>["portalSessions"]["edges"][number]["node"];

/** Who uses a portal: end users' sessions, and an end to them. */
export function PortalSessionList() {
  const { t } = useTranslation(["keys", "common"]);
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const [address] = useAddress();
  const now = useNow();
  const [isMaking, setIsMaking] = useState(false);
  const [ending, setEnding] = useState<{ session: PortalSession; isAll: boolean } | null>(null);
  const state = address.get("state");
  const pages = usePages({
    query: PORTAL_SESSIONS,
    variables: {
      filter: {
        tenantId: tenant?.id ?? null,
        // Of every tenant's sessions the API would look at all that are newer.
        endUser: tenant ? address.get("endUser") : null,
        active: state === null ? null : state === "active",
      },
    },
    connection: (data) => data.portalSessions,
    typenames: ["PortalSession"],
  });
  const done = (count: number) => {
    setEnding(null);
    pages.refresh();
    toast(t("session.ended", { count }));
  };
  const end = useMutationForm(END, { payload: (data) => data.endPortalSession, onDone: () => done(1) });
  const endAll = useMutationForm(END_ALL, {
    payload: (data) => data.endPortalSessions,
    onDone: ({ endedCount }) => done(endedCount ?? 0),
  });
  const columns: Column<PortalSession>[] = [
    { id: "endUser", header: t("session.endUser"), width: "minmax(140px, 1.4fr)", cell: ({ endUser }) => endUser },
    ...(isStaff && !tenant ? [{ id: "tenant", header: t("tenant"), cell: (session: PortalSession) => session.tenant.name }] : []),
    { id: "scopes", header: t("scopes"), width: "minmax(180px, 2fr)", cell: ({ scopes }) => <ScopesInShort scopes={scopes} /> },
    { id: "made", header: t("session.made"), cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      id: "state",
      header: t("state"),
      width: "minmax(150px, 1.4fr)",
      cell: ({ endedAt, expiresAt }) => <KeyState endedAt={endedAt} expiresAt={expiresAt} endedWord={t("session.endedWord")} />,
    },
    {
      id: "actions",
      header: t("actions"),
      hideHeader: true,
      align: "end",
      width: "minmax(200px, 1.6fr)",
      cell: (session) =>
        session.endedAt == null &&
        Date.parse(session.expiresAt) > now && (
          <div>
            <Button size="small" kind="quiet" onPress={() => setEnding({ session, isAll: false })}>
              {t("session.end")}
            </Button>
            <Button size="small" kind="quiet" onPress={() => setEnding({ session, isAll: true })}>
              {t("session.endAll")}
            </Button>
          </div>
        ),
    },
  ];
  const make = (
    <Button kind="primary" icon={<Plus size={16} aria-hidden />} onPress={() => setIsMaking(true)}>
      {t("session.new")}
    </Button>
  );
  const confirm = () => {
    if (ending?.isAll) void endAll.submit({ tenantId: ending.session.tenant.id, endUser: ending.session.endUser });
    else if (ending) void end.submit({ portalSessionId: ending.session.id });
  };
  return (
    <>
      <FilterBar
        filters={[
          ...(tenant ? [{ kind: "search" as const, name: "endUser", label: t("session.search") }] : []),
          { kind: "choice", name: "state", label: t("state"), options: ["active", "over"].map((id) => ({ id, label: t(`session.state.${id}`) })) },
        ]}
      />
      {pages.isLoading ? (
        <Skeleton lines={6} height={32} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<AppWindow size={28} aria-hidden />} title={t("session.empty")} actions={make}>
          {t("session.lead")}
        </EmptyState>
      ) : (
        <Card title={t("tab.sessions")} description={t("session.lead")} actions={make} flush>
          <VirtualTable label={t("tab.sessions")} pages={pages} columns={columns} />
        </Card>
      )}
      {isMaking && <PortalSessionDialog onClose={() => setIsMaking(false)} />}
      <ConfirmDialog
        title={t(ending?.isAll ? "session.endAllTitle" : "session.endTitle", { name: ending?.session.endUser ?? "" })}
        isOpen={ending !== null}
        onClose={() => setEnding(null)}
        action={t(ending?.isAll ? "session.endAll" : "session.end")}
        onConfirm={confirm}
        isDanger
        form={ending?.isAll ? endAll : end}
      >
        {t("session.endLead")}
      </ConfirmDialog>
    </>
  );
}

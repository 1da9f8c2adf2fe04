import { OctagonX, Power } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, type ResultOf, useMutationForm, usePages } from "@/api";
import { usePermission, useTenantScope } from "@/app/session";
import { Badge, Button, Card, type Column, ConfirmDialog, EmptyState, ErrorState, NotFound, Page, Skeleton, Time, toast, VirtualTable } from "@/ui";
import { EngageDialog } from "./EngageDialog";
import { SwitchTarget } from "./SwitchTarget";
import { SwitchWords } from "./SwitchWords";

const KILL_SWITCHES = graphql(`
  query KillSwitches($filter: KillSwitchFilter, $first: Int, $after: String) {
    killSwitches(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          scope
          target
          reason
          messageForCustomers
          onRelease
          createdBy
          createdAt
          expiresAt
          releasedAt
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const RELEASE = graphql(`
  mutation ReleaseKillSwitch($input: ReleaseKillSwitchInput!) {
    releaseKillSwitch(input: $input) {
      killSwitch {
        id
        releasedAt
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export type KillSwitch = ResultOf<typeof KILL_SWITCHES>["killSwitches"]["edges"][number]["node"];

/** What is stopped by hand, and was; and a way to stop more. */
export default function KillSwitches() {
  const { t } = useTranslation(["kill-switches", "common"]);
  const mayManage = usePermission("kill_switches:manage");
  const { tenant } = useTenantScope();
  const [isEngaging, setIsEngaging] = useState(false);
  const [releasing, setReleasing] = useState<KillSwitch | null>(null);
  const pages = usePages({
    query: KILL_SWITCHES,
    variables: { filter: { tenantId: tenant?.id ?? null } },
    connection: (data) => data.killSwitches,
    typenames: ["KillSwitch"],
    paused: !mayManage,
  });
  const release = useMutationForm(RELEASE, {
    payload: (data) => data.releaseKillSwitch,
    onDone: () => {
      setReleasing(null);
      toast(t("release.done"));
    },
  });
  if (!mayManage) return <NotFound />;
  const columns: Column<KillSwitch>[] = [
    { id: "what", header: t("what"), width: "minmax(180px, 1.6fr)", cell: (row) => <SwitchTarget scope={row.scope} target={row.target} /> },
    { id: "why", header: t("why"), width: "minmax(220px, 2.4fr)", cell: (row) => <SwitchWords reason={row.reason} message={row.messageForCustomers} /> },
    {
      id: "state",
      header: t("state"),
      width: "minmax(150px, 1.2fr)",
      cell: ({ releasedAt, expiresAt }) =>
        releasedAt == null ? (
          <div>
            <Badge tone="danger" icon={<OctagonX size={13} aria-hidden />}>
              {t("engaged")}
            </Badge>
            {expiresAt != null && (
              <p>
                {t("until")} <Time at={expiresAt} as="absolute" />
              </p>
            )}
          </div>
        ) : (
          <Badge icon={<Power size={13} aria-hidden />}>
            {t("released")} <Time at={releasedAt} />
          </Badge>
        ),
    },
    { id: "then", header: t("then"), width: "minmax(130px, 1fr)", cell: ({ onRelease }) => t(`onRelease.${onRelease}`), isLeftOutOnPhones: true },
    {
      id: "by",
      header: t("by"),
      width: "minmax(130px, 1fr)",
      cell: ({ createdBy, createdAt }) => (
        <div>
          {createdBy}
          <p>
            <Time at={createdAt} />
          </p>
        </div>
      ),
    },
    {
      id: "actions",
      header: t("actions"),
      hideHeader: true,
      align: "end",
      width: "110px",
      cell: (row) =>
        row.releasedAt == null && (
          <Button size="small" onPress={() => setReleasing(row)}>
            {t("release.action")}
          </Button>
        ),
    },
  ];
  const engage = (
    <Button kind="danger" icon={<OctagonX size={16} aria-hidden />} onPress={() => setIsEngaging(true)}>
      {t("engage.action")}
    </Button>
  );
  return (
    <Page title={t("common:navigation.killSwitches")} description={t("lead")} actions={engage}>
      {pages.isLoading ? (
        <Skeleton lines={5} height={40} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<Power size={28} aria-hidden />} title={t("empty")}>
          {t("emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable label={t("common:navigation.killSwitches")} pages={pages} columns={columns} rowHeight={70} />
        </Card>
      )}
      {isEngaging && <EngageDialog onClose={() => setIsEngaging(false)} />}
      <ConfirmDialog
        title={t("release.title")}
        isOpen={releasing !== null}
        onClose={() => setReleasing(null)}
        action={t("release.action")}
        onConfirm={() => void (releasing && release.submit({ killSwitchId: releasing.id }))}
        form={release}
      >
        {releasing && t(`release.note.${releasing.onRelease}`)}
      </ConfirmDialog>
    </Page>
  );
}

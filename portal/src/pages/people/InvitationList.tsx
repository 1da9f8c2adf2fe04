import { Mail, MailCheck, MailWarning } from "lucide-react";
import { useTranslation } from "react-i18next";
import { graphql, type ResultOf, useMutationForm, usePages } from "@/api";
import type { InvitationStatus } from "@/api/generated/schema";
import { useIsStaff, usePermission, useTenantScope } from "@/app/session";
import { Badge, Button, Card, type Column, EmptyState, ErrorState, FilterBar, Skeleton, StatusBadge, Time, toast, useAddress, VirtualTable } from "@/ui";

const INVITATIONS = graphql(`
  query Invitations($filter: InvitationFilter, $first: Int, $after: String) {
    invitations(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          email
          name
          role
          status
          mail
          createdAt
          expiresAt
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

const RESEND = graphql(`
  mutation ResendInvitation($input: ResendInvitationInput!) {
    resendInvitation(input: $input) {
      invitation {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

const REVOKE = graphql(`
  mutation RevokeInvitation($input: RevokeInvitationInput!) {
    revokeInvitation(input: $input) {
      invitation {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

type Invitation = ResultOf<typeof INVITATIONS>["invitations"]["edges"][number]["node"];

const statuses: readonly InvitationStatus[] = ["PENDING", "EXPIRED", "ACCEPTED", "REVOKED"];
const mails = {
  QUEUED: { icon: Mail, tone: "neutral" },
  SENT: { icon: MailCheck, tone: "success" },
  FAILED: { icon: MailWarning, tone: "danger" },
} as const;

/** Who was asked to come, and what became of it. */
export function InvitationList() {
  const { t } = useTranslation(["people", "common"]);
  const isStaff = useIsStaff();
  const mayManage = usePermission("users:manage");
  const { tenant } = useTenantScope();
  const [address] = useAddress();
  const status = address.get("status") as InvitationStatus | null;
  const pages = usePages({
    query: INVITATIONS,
    variables: { filter: { tenantId: tenant?.id ?? null, status: status && [status] } },
    connection: (data) => data.invitations,
    typenames: ["Invitation"],
  });
  const refused = ([first]: readonly { message: string }[]) => first && toast(first.message, "danger");
  const resend = useMutationForm(RESEND, {
    payload: (data) => data.resendInvitation,
    onDone: () => toast(t("invite.done")),
    onRefused: refused,
  });
  const revoke = useMutationForm(REVOKE, {
    payload: (data) => data.revokeInvitation,
    onDone: () => toast(t("invite.revoked")),
    onRefused: refused,
  });
  const columns: Column<Invitation>[] = [
    { id: "name", header: t("name"), width: "minmax(140px, 1.4fr)", cell: ({ name }) => name },
    { id: "email", header: t("email"), width: "minmax(180px, 2fr)", cell: ({ email }) => email },
    { id: "role", header: t("role"), cell: ({ role }) => t(`common:role.${role}`) },
    ...(isStaff && !tenant
      ? [{ id: "tenant", header: t("tenant"), cell: (invitation: Invitation) => invitation.tenant?.name ?? t("staff") }]
      : []),
    { id: "status", header: t("state"), width: "minmax(120px, 1fr)", cell: (invitation) => <StatusBadge kind="invitation" value={invitation.status} /> },
    {
      id: "mail",
      header: t("mail"),
      width: "minmax(110px, 1fr)",
      cell: ({ mail }) => {
        if (mail == null) return "–";
        const { icon: Icon, tone } = mails[mail];
        return (
          <Badge tone={tone} icon={<Icon size={13} aria-hidden />}>
            {t(`mailStatus.${mail}`)}
          </Badge>
        );
      },
    },
    { id: "ends", header: t("ends"), cell: ({ expiresAt }) => <Time at={expiresAt} /> },
    ...(mayManage
      ? [
          {
            id: "actions",
            header: t("actions"),
            hideHeader: true,
            align: "end" as const,
            width: "minmax(200px, 1.6fr)",
            cell: ({ id, status: now }: Invitation) =>
              now !== "ACCEPTED" &&
              now !== "REVOKED" && (
                <div>
                  <Button size="small" kind="quiet" onPress={() => void resend.submit({ invitationId: id })}>
                    {t("invite.again")}
                  </Button>
                  <Button size="small" kind="quiet" onPress={() => void revoke.submit({ invitationId: id })}>
                    {t("invite.revoke")}
                  </Button>
                </div>
              ),
          },
        ]
      : []),
  ];
  return (
    <>
      <FilterBar
        filters={[
          {
            kind: "choice",
            name: "status",
            label: t("state"),
            options: statuses.map((id) => ({ id, label: t(`common:status.invitation.${id}`) })),
          },
        ]}
      />
      {pages.isLoading ? (
        <Skeleton lines={6} height={32} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<Mail size={28} aria-hidden />} title={t("invite.empty")}>
          {t("invite.emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable label={t("tab.invitations")} pages={pages} columns={columns} />
        </Card>
      )}
    </>
  );
}

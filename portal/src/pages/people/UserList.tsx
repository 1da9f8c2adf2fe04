import { Ban, CircleCheck, ShieldCheck, Users } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, type ResultOf, usePages } from "@/api";
import type { Role } from "@/api/generated/schema";
import { useIsStaff, useTenantScope, useViewer } from "@/app/session";
import { Badge, Card, type Column, EmptyState, ErrorState, FilterBar, Skeleton, Time, useAddress, VirtualTable } from "@/ui";
import { PersonActions } from "./PersonActions";
import { PersonAction, type PersonActionKind } from "./PersonAction";
import { staffRoles, tenantRoles } from "./roles";

const USERS = graphql(`
  query People($filter: UserFilter, $first: Int, $after: String) {
    users(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          email
          name
          role
          createdAt
          disabledAt
          secondFactor
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

export type Person = ResultOf<typeof USERS>["users"]["edges"][number]["node"];

/** The people; of `tenantId` where it is given. */
export function UserList({ tenantId }: { tenantId?: string }) {
  const { t } = useTranslation(["people", "common"]);
  const isStaff = useIsStaff();
  const { user } = useViewer();
  const { tenant } = useTenantScope();
  const [address] = useAddress();
  const [acting, setActing] = useState<{ kind: PersonActionKind; person: Person } | null>(null);
  const role = address.get("role") as Role | null;
  const state = address.get("state");
  const of = tenantId ?? tenant?.id ?? null;
  const pages = usePages({
    query: USERS,
    variables: { filter: { tenantId: of, role: role && [role], disabled: state === null ? null : state === "disabled" } },
    connection: (data) => data.users,
    typenames: ["User"],
  });
  const roles = isStaff && of === null ? [...staffRoles, ...tenantRoles] : tenantRoles;
  const columns: Column<Person>[] = [
    {
      id: "name",
      header: t("name"),
      width: "minmax(180px, 2fr)",
      cell: (person) => (
        <div>
          {person.name} {person.id === user?.id && <Badge tone="info">{t("you")}</Badge>}
        </div>
      ),
    },
    { id: "email", header: t("email"), width: "minmax(180px, 2fr)", cell: ({ email }) => email },
    { id: "role", header: t("role"), width: "minmax(130px, 1.2fr)", cell: (person) => t(`common:role.${person.role}`) },
    ...(isStaff && of === null
      ? [{ id: "tenant", header: t("tenant"), cell: (person: Person) => person.tenant?.name ?? t("staff") }]
      : []),
    {
      id: "state",
      header: t("state"),
      width: "minmax(150px, 1.2fr)",
      cell: (person) =>
        person.disabledAt != null ? (
          <Badge tone="danger" icon={<Ban size={13} aria-hidden />}>
            {t("disabled")}
          </Badge>
        ) : person.secondFactor ? (
          <Badge tone="success" icon={<ShieldCheck size={13} aria-hidden />}>
            {t("withFactor")}
          </Badge>
        ) : (
          <Badge tone="success" icon={<CircleCheck size={13} aria-hidden />}>
            {t("active")}
          </Badge>
        ),
    },
    { id: "since", header: t("since"), cell: ({ createdAt }) => <Time at={createdAt} />, isLeftOutOnPhones: true },
    {
      id: "actions",
      header: t("actions"),
      hideHeader: true,
      align: "end",
      width: "48px",
      cell: (person) => <PersonActions person={person} onAct={(kind) => setActing({ kind, person })} />,
    },
  ];
  return (
    <>
      <FilterBar
        filters={[
          { kind: "choice", name: "role", label: t("role"), options: roles.map((id) => ({ id, label: t(`common:role.${id}`) })) },
          {
            kind: "choice",
            name: "state",
            label: t("state"),
            options: ["active", "disabled"].map((id) => ({ id, label: t(id) })),
          },
        ]}
      />
      {pages.isLoading ? (
        <Skeleton lines={8} height={32} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<Users size={28} aria-hidden />} title={t("empty")}>
          {t("emptyHelp")}
        </EmptyState>
      ) : (
        <Card flush>
          <VirtualTable label={t("tab.people")} pages={pages} columns={columns} />
        </Card>
      )}
      {acting && <PersonAction {...acting} onClose={() => setActing(null)} />}
    </>
  );
}

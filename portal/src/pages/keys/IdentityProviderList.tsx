import { Plus, UserRoundCheck } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, type ResultOf, useMutationForm, usePages } from "@/api";
import { useIsStaff, useTenantScope } from "@/app/session";
import { Button, Card, type Column, ConfirmDialog, CopyButton, EmptyState, ErrorState, Skeleton, Time, toast, VirtualTable } from "@/ui";
import { IdentityProviderDialog } from "./IdentityProviderDialog";

const PROVIDERS = graphql(`
  query IdentityProviders($filter: IdentityProviderFilter, $first: Int, $after: String) {
    identityProviders(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          name
          issuer
          clientId
          hasClientSecret
          redirectUris
          roleClaim
          defaultRole
          createsUsers
          trustsEmail
          updatedAt
          roleMapping {
            value
            role
          }
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

const DELETE = graphql(`
  mutation DeleteIdentityProvider($input: DeleteIdentityProviderInput!) {
    deleteIdentityProvider(input: $input) {
      deletedIdentityProviderId
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export type IdentityProvider = ResultOf<typeof PROVIDERS>["identityProviders"]["edges"][number]["node"];

/** Where people sign in instead of here: their organisation's provider. */
export function IdentityProviderList() {
  const { t } = useTranslation(["keys", "common"]);
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const [editing, setEditing] = useState<IdentityProvider | "new" | null>(null);
  const [removing, setRemoving] = useState<IdentityProvider | null>(null);
  const pages = usePages({
    query: PROVIDERS,
    variables: { filter: { tenantId: tenant?.id ?? null } },
    connection: (data) => data.identityProviders,
    typenames: ["IdentityProvider"],
  });
  const remove = useMutationForm(DELETE, {
    payload: (data) => data.deleteIdentityProvider,
    onDone: ({ deletedIdentityProviderId: id }) => {
      if (id) pages.remove([id]);
      setRemoving(null);
      toast(t("provider.removed"));
    },
  });
  const linkOf = ({ id }: IdentityProvider) => `${window.location.origin}/sign-in?provider=${encodeURIComponent(id)}`;
  const columns: Column<IdentityProvider>[] = [
    { id: "name", header: t("name"), width: "minmax(120px, 1.2fr)", cell: ({ name }) => name },
    ...(isStaff && !tenant
      ? [{ id: "tenant", header: t("tenant"), cell: (provider: IdentityProvider) => provider.tenant?.name ?? t("provider.staff") }]
      : []),
    { id: "issuer", header: t("provider.issuer"), width: "minmax(180px, 2fr)", cell: ({ issuer }) => issuer },
    {
      id: "users",
      header: t("provider.newcomers"),
      width: "minmax(130px, 1fr)",
      cell: ({ createsUsers }) => t(createsUsers ? "provider.areMade" : "provider.areNotMade"),
    },
    { id: "changed", header: t("provider.changed"), cell: ({ updatedAt }) => <Time at={updatedAt} />, isLeftOutOnPhones: true },
    {
      id: "actions",
      header: t("actions"),
      hideHeader: true,
      align: "end",
      width: "minmax(230px, 1.6fr)",
      cell: (provider) => (
        <div>
          <CopyButton text={linkOf(provider)} label={t("provider.copyLink")} />
          <Button size="small" kind="quiet" onPress={() => setEditing(provider)}>
            {t("provider.edit")}
          </Button>
          <Button size="small" kind="quiet" onPress={() => setRemoving(provider)}>
            {t("provider.remove")}
          </Button>
        </div>
      ),
    },
  ];
  const make = (
    <Button kind="primary" icon={<Plus size={16} aria-hidden />} onPress={() => setEditing("new")}>
      {t("provider.new")}
    </Button>
  );
  return (
    <>
      {pages.isLoading ? (
        <Skeleton lines={4} height={32} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<UserRoundCheck size={28} aria-hidden />} title={t("provider.empty")} actions={make}>
          {t("provider.lead")}
        </EmptyState>
      ) : (
        <Card title={t("tab.providers")} description={t("provider.lead")} actions={make} flush>
          <VirtualTable label={t("tab.providers")} pages={pages} columns={columns} />
        </Card>
      )}
      {editing && <IdentityProviderDialog provider={editing === "new" ? null : editing} onClose={() => setEditing(null)} />}
      <ConfirmDialog
        title={t("provider.removeTitle", { name: removing?.name ?? "" })}
        isOpen={removing !== null}
        onClose={() => setRemoving(null)}
        action={t("provider.remove")}
        onConfirm={() => void (removing && remove.submit({ identityProviderId: removing.id }))}
        isDanger
        form={remove}
      >
        {t("provider.removeLead")}
      </ConfirmDialog>
    </>
  );
}

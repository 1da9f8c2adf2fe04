import { FileKey2, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, type ResultOf, useMutationForm, usePages } from "@/api";
import { useIsStaff, useTenantScope } from "@/app/session";
import { Button, Card, Code, type Column, ConfirmDialog, CopyButton, EmptyState, ErrorState, Skeleton, toast, VirtualTable } from "@/ui";
import { KeyState } from "./KeyState";
import { PortalKeyDialog } from "./PortalKeyDialog";
import { ScopesInShort } from "./ScopesInShort";

const PORTAL_KEYS = graphql(`
  query PortalKeys($filter: PortalKeyFilter, $first: Int, $after: String) {
    portalKeys(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          name
          algorithm
          thumbprint
          scopes
          allTenants
          createdAt
          expiresAt
          revokedAt
          tenants {
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

const REVOKE = graphql(`
  mutation RevokePortalKey($input: RevokePortalKeyInput!) {
    revokePortalKey(input: $input) {
      portalKey {
        id
        revokedAt
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

type PortalKey = ResultOf<typeof PORTAL_KEYS>["portalKeys"]["edges"][number]["node"];

/** Public keys of portals' servers, which sign tokens for their end users themselves. */
export function PortalKeyList() {
  const { t } = useTranslation(["keys", "common"]);
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const [isMaking, setIsMaking] = useState(false);
  const [revoking, setRevoking] = useState<PortalKey | null>(null);
  const pages = usePages({
    query: PORTAL_KEYS,
    variables: { filter: { tenantId: isStaff ? (tenant?.id ?? null) : null } },
    connection: (data) => data.portalKeys,
    typenames: ["PortalKey"],
  });
  const revoke = useMutationForm(REVOKE, {
    payload: (data) => data.revokePortalKey,
    onDone: () => {
      setRevoking(null);
      toast(t("revokedNow"));
    },
  });
  const columns: Column<PortalKey>[] = [
    { id: "name", header: t("name"), width: "minmax(120px, 1.2fr)", cell: ({ name }) => name },
    {
      id: "id",
      header: t("portalKey.id"),
      width: "minmax(150px, 1.4fr)",
      cell: ({ id }) => (
        <span>
          <Code>{id}</Code> <CopyButton text={id} />
        </span>
      ),
    },
    { id: "algorithm", header: t("portalKey.algorithm"), width: "90px", cell: ({ algorithm, thumbprint }) => <span title={thumbprint}>{algorithm}</span> },
    { id: "scopes", header: t("scopes"), width: "minmax(160px, 1.6fr)", cell: ({ scopes }) => <ScopesInShort scopes={scopes} /> },
    ...(isStaff
      ? [
          {
            id: "tenants",
            header: t("tenants"),
            cell: (key: PortalKey) => (key.allTenants ? t("common:shell.allTenants") : key.tenants.map(({ name }) => name).join(", ")),
          },
        ]
      : []),
    {
      id: "state",
      header: t("state"),
      width: "minmax(150px, 1.4fr)",
      cell: ({ revokedAt, expiresAt }) => <KeyState endedAt={revokedAt} expiresAt={expiresAt} endedWord={t("revoked")} />,
    },
    {
      id: "actions",
      header: t("actions"),
      hideHeader: true,
      align: "end",
      width: "110px",
      cell: (key) =>
        key.revokedAt == null && (
          <Button size="small" onPress={() => setRevoking(key)}>
            {t("revoke")}
          </Button>
        ),
    },
  ];
  const make = (
    <Button kind="primary" icon={<Plus size={16} aria-hidden />} onPress={() => setIsMaking(true)}>
      {t("portalKey.new")}
    </Button>
  );
  return (
    <>
      {pages.isLoading ? (
        <Skeleton lines={6} height={32} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<FileKey2 size={28} aria-hidden />} title={t("portalKey.empty")} actions={make}>
          {t("portalKey.lead")}
        </EmptyState>
      ) : (
        <Card title={t("tab.portalKeys")} description={t("portalKey.lead")} actions={make} flush>
          <VirtualTable label={t("tab.portalKeys")} pages={pages} columns={columns} />
        </Card>
      )}
      {isMaking && <PortalKeyDialog onClose={() => setIsMaking(false)} />}
      <ConfirmDialog
        title={t("revokeTitle", { name: revoking?.name ?? "" })}
        isOpen={revoking !== null}
        onClose={() => setRevoking(null)}
        action={t("revoke")}
        onConfirm={() => void (revoking && revoke.submit({ portalKeyId: revoking.id }))}
        isDanger
        form={revoke}
      >
        {t("portalKey.revokeLead")}
      </ConfirmDialog>
    </>
  );
}

import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { graphql, type ResultOf, useMutationForm, usePages } from "@/api";
import { useIsStaff, useTenantScope } from "@/app/session";
import { Button, Card, Code, type Column, ConfirmDialog, EmptyState, ErrorState, Skeleton, Time, toast, VirtualTable } from "@/ui";
import { ApiKeyDialog } from "./ApiKeyDialog";
import { KeyState } from "./KeyState";
import { ScopesInShort } from "./ScopesInShort";

const API_KEYS = graphql(`
  query ApiKeys($filter: ApiKeyFilter, $first: Int, $after: String) {
    apiKeys(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          name
          prefix
          scopes
          createdAt
          expiresAt
          lastUsedAt
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
  mutation RevokeApiKey($input: RevokeApiKeyInput!) {
    revokeApiKey(input: $input) {
      apiKey {
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

type ApiKey = ResultOf<typeof API_KEYS>["apiKeys"]["edges"][number]["node"];

/** Keys of partners' programs. */
export function ApiKeyList() {
  const { t } = useTranslation(["keys", "common"]);
  const isStaff = useIsStaff();
  const { tenant } = useTenantScope();
  const [isMaking, setIsMaking] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const pages = usePages({
    query: API_KEYS,
    variables: { filter: { tenantId: isStaff ? (tenant?.id ?? null) : null } },
    connection: (data) => data.apiKeys,
    typenames: ["ApiKey"],
  });
  const revoke = useMutationForm(REVOKE, {
    payload: (data) => data.revokeApiKey,
    onDone: () => {
      setRevoking(null);
      toast(t("revokedNow"));
    },
  });
  const columns: Column<ApiKey>[] = [
    { id: "name", header: t("name"), width: "minmax(140px, 1.4fr)", cell: ({ name }) => name },
    { id: "prefix", header: t("prefix"), cell: ({ prefix }) => <Code>{`${prefix}…`}</Code> },
    { id: "scopes", header: t("scopes"), width: "minmax(180px, 2fr)", cell: ({ scopes }) => <ScopesInShort scopes={scopes} /> },
    ...(isStaff
      ? [{ id: "tenants", header: t("tenants"), width: "minmax(120px, 1fr)", cell: ({ tenants }: ApiKey) => tenants.map(({ name }) => name).join(", ") }]
      : []),
    { id: "used", header: t("lastUsed"), cell: ({ lastUsedAt }) => (lastUsedAt != null ? <Time at={lastUsedAt} /> : t("never")) },
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
      {t("apiKey.new")}
    </Button>
  );
  return (
    <>
      {pages.isLoading ? (
        <Skeleton lines={6} height={32} />
      ) : pages.rows.length === 0 && pages.problem ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : pages.rows.length === 0 ? (
        <EmptyState icon={<KeyRound size={28} aria-hidden />} title={t("apiKey.empty")} actions={make}>
          {t("apiKey.lead")}
        </EmptyState>
      ) : (
        <Card title={t("tab.apiKeys")} description={t("apiKey.lead")} actions={make} flush>
          <VirtualTable label={t("tab.apiKeys")} pages={pages} columns={columns} />
        </Card>
      )}
      {isMaking && <ApiKeyDialog onClose={() => setIsMaking(false)} />}
      <ConfirmDialog
        title={t("revokeTitle", { name: revoking?.name ?? "" })}
        isOpen={revoking !== null}
        onClose={() => setRevoking(null)}
        action={t("revoke")}
        onConfirm={() => void (revoking && revoke.submit({ apiKeyId: revoking.id }))}
        isDanger
        form={revoke}
      >
        {t("apiKey.revokeLead")}
      </ConfirmDialog>
    </>
  );
}

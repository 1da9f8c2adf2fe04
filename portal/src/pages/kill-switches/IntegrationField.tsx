import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql } from "@/api";
import { useTenantScope } from "@/app/session";
import { ComboBox } from "@/ui";

const INTEGRATIONS = graphql(`
  query IntegrationsOfField($filter: IntegrationFilter) {
    integrations(filter: $filter, orderBy: { field: NAME, direction: ASC }, first: 20) {
      edges {
        node {
          id
          name
          tenant {
            id
            name
          }
        }
      }
    }
  }
`);

/** One integration, found by typing. */
export function IntegrationField({ onChoose, label, isOptional }: { onChoose: (id: string | null) => void; label?: string; isOptional?: boolean }) {
  const { t } = useTranslation("kill-switches");
  const { tenant } = useTenantScope();
  const [id, setId] = useState<string | null>(null);
  const [text, setText] = useState("");
  const [{ data }] = useQuery({ query: INTEGRATIONS, variables: { filter: { tenantId: tenant?.id ?? null, search: text || null } } });
  const found = data?.integrations.edges.map(({ node }) => node) ?? [];
  return (
    <ComboBox
      name="integrationId"
      label={label ?? t("scope.INTEGRATION")}
      isRequired={!isOptional}
      isOptional={isOptional}
      isSearched
      options={found.map((each) => ({ id: each.id, label: each.name, description: each.tenant.name }))}
      inputValue={text}
      onInputChange={setText}
      value={id}
      onChange={(key) => {
        const chosen = found.find((each) => each.id === key);
        setId(chosen?.id ?? null);
        setText(chosen?.name ?? "");
        onChoose(chosen?.id ?? null);
      }}
    />
  );
}

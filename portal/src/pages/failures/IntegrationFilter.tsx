import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql } from "@/api";
import { useTenantScope } from "@/app/session";
import { ComboBox, useAddress } from "@/ui";

const INTEGRATIONS_TO_FILTER = graphql(`
  query IntegrationsToFilter($filter: IntegrationFilter) {
    integrations(filter: $filter, orderBy: { field: NAME, direction: ASC }, first: 30) {
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

const INTEGRATION_NAME = graphql(`
  query IntegrationName($id: ID!) {
    integration(id: $id) {
      id
      name
    }
  }
`);

/** Of one integration: found by its name, kept in the address as `integration`. */
export function IntegrationFilter() {
  const { t } = useTranslation("failures");
  const { tenant } = useTenantScope();
  const [address, setAddress] = useAddress();
  const chosen = address.get("integration");
  const [text, setText] = useState<string | null>(null);
  const [{ data: named }] = useQuery({ query: INTEGRATION_NAME, variables: { id: chosen ?? "" }, pause: chosen === null });
  const name = chosen === null ? "" : (named?.integration?.name ?? "");
  const [{ data }] = useQuery({
    query: INTEGRATIONS_TO_FILTER,
    variables: { filter: { tenantId: tenant?.id, search: text === null || text === name ? undefined : text } },
  });
  const options = (data?.integrations.edges ?? []).map(({ node }) => ({
    id: node.id,
    label: node.name,
    description: tenant ? undefined : node.tenant.name,
  }));
  return (
    <ComboBox
      label={t("filter.integration")}
      hideLabel
      placeholder={t("filter.integration")}
      isSearched
      options={options}
      inputValue={text ?? name}
      onInputChange={(value) => {
        setText(value);
        if (value === "" && chosen !== null) setAddress({ integration: null });
      }}
      value={chosen}
      onChange={(key) => {
        if (key === null) return;
        setText(null);
        setAddress({ integration: String(key) });
      }}
      onBlur={() => setText(null)}
    />
  );
}

import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql } from "@/api";
import { ComboBox } from "@/ui";
import { useTenantScope } from "../session/tenantScope";

const TENANTS = graphql(`
  query TenantsToChoose($search: String) {
    tenants(filter: { search: $search }, orderBy: { field: NAME, direction: ASC }, first: 20) {
      edges {
        node {
          id
          name
          slug
        }
      }
    }
  }
`);

const ALL = "all";

/** For staff: which tenant lists are about. */
export default function TenantSwitcher() {
  const { t } = useTranslation("common");
  const { tenant, choose } = useTenantScope();
  const all = { id: ALL, label: t("shell.allTenants") };
  const [text, setText] = useState(tenant?.name ?? all.label);
  const isSearched = text !== (tenant?.name ?? all.label);
  const [{ data }] = useQuery({ query: TENANTS, variables: { search: isSearched && text ? text : null } });
  const found = data?.tenants.edges.map(({ node }) => ({ id: node.id, label: node.name, description: node.slug })) ?? [];
  const choice = (id: string) => {
    const next = found.find((each) => each.id === id);
    choose(next ? { id, name: next.label } : null);
    setText(next?.label ?? all.label);
  };
  return (
    <ComboBox
      label={t("shell.tenant")}
      hideLabel
      isSearched
      options={isSearched && text ? found : [all, ...found]}
      inputValue={text}
      onInputChange={setText}
      value={tenant?.id ?? ALL}
      onChange={(key) => key !== null && choice(String(key))}
      onBlur={() => setText(tenant?.name ?? all.label)}
    />
  );
}

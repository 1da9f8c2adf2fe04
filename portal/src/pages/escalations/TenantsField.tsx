import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql } from "@/api";
import { TagField } from "@/ui";
import { useTenantNames } from "./useTenantNames";

const TENANTS = graphql(`
  query TenantsOfSelectors($search: String) {
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

interface TenantsFieldProps {
  name: string;
  value: readonly string[];
  onChange: (ids: string[]) => void;
}

/** Any number of tenants, each found by typing. */
export function TenantsField({ value, onChange, name }: TenantsFieldProps) {
  const { t } = useTranslation("escalations");
  const [search, setSearch] = useState("");
  const names = useTenantNames(value);
  const [{ data }] = useQuery({ query: TENANTS, variables: { search: search || null } });
  const found = data?.tenants.edges.map(({ node }) => ({ id: node.id, label: node.name, description: node.slug })) ?? [];
  // Those that are chosen already are named, too.
  const chosen = value.filter((id) => !found.some((each) => each.id === id)).map((id) => ({ id, label: names[id] ?? id }));
  return (
    <TagField
      name={name}
      label={t("policies.tenantsField")}
      description={t("policies.openHelp")}
      isOptional
      options={[...found, ...chosen]}
      value={value}
      onSearch={setSearch}
      onChange={onChange}
    />
  );
}

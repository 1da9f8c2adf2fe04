import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql } from "@/api";
import { useTenantScope } from "@/app/session";
import { ComboBox } from "@/ui";

const TENANTS = graphql(`
  query TenantsOfField($search: String) {
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

export interface TenantFieldProps {
  name: string;
  label?: string;
  description?: string;
  isOptional?: boolean;
  isRequired?: boolean;
  /** Also where lists are about one. */
  isEmptyAtFirst?: boolean;
  onChoose?: (tenant: { id: string; name: string } | null) => void;
}

/** One tenant, found by typing; at first the one that lists are about. */
export function TenantField({ label, onChoose, isEmptyAtFirst = false, ...look }: TenantFieldProps) {
  const { t } = useTranslation("tenants");
  const scope = useTenantScope();
  const tenant = isEmptyAtFirst ? null : scope.tenant;
  const [id, setId] = useState(tenant?.id ?? null);
  const [text, setText] = useState(tenant?.name ?? "");
  const [{ data }] = useQuery({ query: TENANTS, variables: { search: text || null } });
  const found = data?.tenants.edges.map(({ node }) => node) ?? [];
  return (
    <ComboBox
      {...look}
      label={label ?? t("field")}
      isSearched
      options={found.map((each) => ({ id: each.id, label: each.name, description: each.slug }))}
      inputValue={text}
      onInputChange={setText}
      value={id}
      onChange={(key) => {
        const chosen = found.find((each) => each.id === key) ?? null;
        setId(chosen?.id ?? null);
        setText(chosen?.name ?? "");
        onChoose?.(chosen);
      }}
    />
  );
}

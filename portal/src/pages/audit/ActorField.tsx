import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql } from "@/api";
import { useTenantScope } from "@/app/session";
import { ComboBox, useAddress } from "@/ui";

const ACTORS = graphql(`
  query AuditActors($tenantId: ID) {
    users(filter: { tenantId: $tenantId }, first: 100) {
      edges {
        node {
          id
          name
          email
        }
      }
    }
  }
`);

/** Whose doings are shown: one of the people, found by name. */
export function ActorField() {
  const { t } = useTranslation("audit");
  const { tenant } = useTenantScope();
  const [address, setAddress] = useAddress();
  const [{ data }] = useQuery({ query: ACTORS, variables: { tenantId: tenant?.id ?? null } });
  if (!data) return null;
  const actor = address.get("actor");
  const people = data.users.edges.map(({ node }) => ({ id: node.id, label: node.name, description: node.email }));
  // A key or portal session was chosen in the list.
  const options = actor === null || people.some(({ id }) => id === actor) ? people : [{ id: actor, label: actor }, ...people];
  return (
    <ComboBox
      key={actor}
      label={t("actor")}
      hideLabel
      placeholder={t("anyActor")}
      options={options}
      defaultValue={actor}
      onChange={(key) => setAddress({ actor: key === null ? null : String(key) })}
    />
  );
}

import { useEffect, useState } from "react";
import { useClient, useQuery } from "urql";
import { graphql } from "@/api";

const TENANTS = graphql(`
  query NamesOfTenants {
    tenants(orderBy: { field: NAME, direction: ASC }, first: 100) {
      edges {
        node {
          id
          name
        }
      }
    }
  }
`);

const TENANT = graphql(`
  query NameOfTenant($id: ID!) {
    tenant(id: $id) {
      id
      name
    }
  }
`);

/** Names by the ids of tenants, of which other objects tell no more. One question is enough for an installation of a hundred. */
export function useTenantNames(ids: readonly string[]): Record<string, string> {
  const client = useClient();
  const [others, setOthers] = useState<Record<string, string>>({});
  const [{ data }] = useQuery({ query: TENANTS, pause: ids.length === 0 });
  const listed: Record<string, string> = Object.fromEntries(data?.tenants.edges.map(({ node }) => [node.id, node.name]) ?? []);
  const missing = data ? ids.filter((id) => !(id in listed) && !(id in others)).join(" ") : "";
  useEffect(() => {
    if (missing === "") return;
    for (const id of missing.split(" ")) {
      void client
        .query(TENANT, { id })
        .toPromise()
        .then((answer) => setOthers((all) => ({ ...all, [id]: answer.data?.tenant?.name ?? id })));
    }
  }, [client, missing]);
  return { ...listed, ...others };
}

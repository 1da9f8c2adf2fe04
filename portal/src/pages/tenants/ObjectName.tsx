import { useQuery } from "urql";
import { graphql } from "@/api";

const NAME = graphql(`
  query ObjectName($id: ID!) {
    node(id: $id) {
      id
      ... on Integration {
        name
      }
      ... on Tenant {
        tenantName: name
      }
    }
  }
`);

/** The name of an integration or tenant; its id until that is known. */
export function ObjectName({ id }: { id: string }) {
  const [{ data }] = useQuery({ query: NAME, variables: { id } });
  const node = data?.node;
  return <span>{node && "name" in node ? node.name : node && "tenantName" in node ? node.tenantName : id}</span>;
}

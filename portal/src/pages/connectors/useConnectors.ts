import { useQuery } from "urql";
import { graphql, problemOf, type ResultOf } from "@/api";

const CONNECTORS = graphql(`
  query Connectors {
    connectors {
      name
      title
      description
      isSource
      isDestination
      configSchema
      credentialsSchema
      sourceSchema
      destinationSchema
    }
  }
`);

export type Connector = ResultOf<typeof CONNECTORS>["connectors"][number];

/** All connectors, by title. */
export function useConnectors() {
  const [{ data, error, fetching }, refresh] = useQuery({ query: CONNECTORS });
  return {
    connectors: data && [...data.connectors].sort((a, b) => a.title.localeCompare(b.title)),
    isLoading: fetching && !data,
    problem: error && !data ? problemOf(error) : null,
    refresh: () => refresh({ requestPolicy: "network-only" }),
  };
}

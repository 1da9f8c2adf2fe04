import { useQuery } from "urql";
import { graphql } from "@/api";
import { usePermission, useTenantScope } from "@/app/session";
import type { Option } from "@/ui";

// Each code of the error catalogue has one runbook that ships with the product, so these name all of them.
const CODES = graphql(`
  query CodesOfRunbooks {
    runbooks(filter: { isBuiltIn: true }, first: 100) {
      edges {
        node {
          id
          code
          title
        }
      }
    }
    connectors {
      name
      title
    }
  }
`);

const CONNECTORS = graphql(`
  query ConnectorsToName {
    connectors {
      name
      title
    }
  }
`);

const INTEGRATIONS = graphql(`
  query IntegrationsToName($filter: IntegrationFilter) {
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

interface Subjects {
  /** To others than staff none: they are not told of the catalogue as a whole. */
  codes: Option[];
  connectors: Option[];
  integrations: Option[];
}

/** What rules and runbooks can be about: codes of the error catalogue, connectors, and integrations whose names have the text. */
export function useSubjects(search = ""): Subjects {
  const { tenant } = useTenantScope();
  const isReader = usePermission("runbooks:read");
  const [{ data: catalogue }] = useQuery({ query: CODES, pause: !isReader });
  const [{ data: others }] = useQuery({ query: CONNECTORS, pause: isReader });
  const [{ data: found }] = useQuery({
    query: INTEGRATIONS,
    variables: { filter: { tenantId: tenant?.id, search: search || null } },
    pause: !isReader,
  });
  const codes = catalogue?.runbooks.edges.flatMap(({ node }) =>
    node.code ? [{ id: node.code, label: node.code, description: node.title }] : [],
  );
  return {
    codes: (codes ?? []).sort((a, b) => a.label.localeCompare(b.label)),
    connectors: (catalogue ?? others)?.connectors.map(({ name, title }) => ({ id: name, label: title, description: name })) ?? [],
    integrations:
      found?.integrations.edges.map(({ node }) => ({ id: node.id, label: node.name, description: node.tenant.name })) ?? [],
  };
}

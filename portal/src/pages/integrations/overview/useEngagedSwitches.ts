import { useQuery } from "urql";
import { graphql, type ResultOf } from "@/api";
import { useIsStaff, usePermission } from "@/app/session";
import type { IntegrationOfPage } from "../integrationQuery";

export const SWITCH = graphql(`
  fragment SwitchOfIntegration on KillSwitch {
    id
    scope
    target
    reason
    messageForCustomers
    onRelease
    createdBy
    createdAt
    expiresAt
  }
`);

const KILL_SWITCHES_OF_INTEGRATION = graphql(`
  query KillSwitchesOfIntegration($tenantId: ID!, $isStaff: Boolean!) {
    own: killSwitches(filter: { tenantId: $tenantId, engaged: true }, first: 100) {
      edges {
        node {
          ...SwitchOfIntegration
        }
      }
    }
    wider: killSwitches(filter: { engaged: true }, first: 100) @include(if: $isStaff) {
      edges {
        node {
          ...SwitchOfIntegration
        }
      }
    }
  }
`);

export type Switch = ResultOf<typeof SWITCH>;

/** Mutations of kill switches read an empty list anew, too. */
const switchTypes = { additionalTypenames: ["KillSwitch"] };

/** The kill switches that stop an integration now; null until that is known, and to those who may not know. */
export function useEngagedSwitches(integration: IntegrationOfPage): readonly Switch[] | null {
  const isStaff = useIsStaff();
  const mayKnow = usePermission("kill_switches:manage");
  const [{ data }] = useQuery({
    query: KILL_SWITCHES_OF_INTEGRATION,
    variables: { tenantId: integration.tenant.id, isStaff },
    context: switchTypes,
    requestPolicy: "cache-and-network",
    pause: !mayKnow,
  });
  if (!data) return null;
  const connectors = [integration.source?.connector.name, integration.destination?.connector.name];
  const stops = ({ scope, target }: Switch) =>
    scope === "PLATFORM" ||
    (scope === "CONNECTOR" && connectors.includes(target ?? "")) ||
    (scope === "TENANT" && target === integration.tenant.id) ||
    (scope === "INTEGRATION" && target === integration.id);
  const all = new Map([...data.own.edges, ...(data.wider?.edges ?? [])].map(({ node }) => [node.id, node]));
  return [...all.values()].filter(stops);
}

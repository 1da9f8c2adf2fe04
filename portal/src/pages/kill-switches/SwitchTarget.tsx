import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql } from "@/api";
import type { KillSwitchScope } from "@/api/generated/schema";
import { Link } from "@/ui";

const TARGET = graphql(`
  query SwitchTarget($id: ID!) {
    node(id: $id) {
      id
      ... on Tenant {
        tenantName: name
      }
      ... on Integration {
        name
        tenant {
          id
          name
        }
      }
    }
  }
`);

/** What a kill switch stops. */
export function SwitchTarget({ scope, target }: { scope: KillSwitchScope; target?: string | null }) {
  const { t } = useTranslation("kill-switches");
  const isObject = (scope === "TENANT" || scope === "INTEGRATION") && target != null;
  const [{ data }] = useQuery({ query: TARGET, variables: { id: target ?? "" }, pause: !isObject });
  const node = data?.node;
  return (
    <div>
      <p>{t(`scope.${scope}`)}</p>
      {scope === "CONNECTOR" && <p>{target}</p>}
      {isObject && (
        <p>
          <Link to={`/open/${target}`}>
            {node && "tenantName" in node ? node.tenantName : node && "name" in node ? `${node.name}, ${node.tenant.name}` : target}
          </Link>
        </p>
      )}
    </div>
  );
}

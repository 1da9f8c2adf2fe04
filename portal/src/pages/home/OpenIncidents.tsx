import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf } from "@/api";
import { useEvery } from "@/api/useEvery";
import { Card, EmptyState, ErrorState, Link, StatusBadge, Time } from "@/ui";
import styles from "./UrgentGroups.module.css";

const OPEN_INCIDENTS = graphql(`
  query HomeIncidents($tenantId: ID) {
    incidents(filter: { open: true, tenantId: $tenantId }, first: 5) {
      edges {
        node {
          id
          title
          status
          severity
          startedAt
          tenantCount
        }
      }
    }
  }
`);

const context = { requestPolicy: "cache-and-network" as const, additionalTypenames: ["Incident"] };
const REFRESH_MS = 60_000;

/** Outside systems that are in trouble for several; a tenant sees the card only where that hits it. */
export function OpenIncidents({ tenantId, isStaff }: { tenantId: string | undefined; isStaff: boolean }) {
  const { t } = useTranslation("home");
  const [{ data, error }, execute] = useQuery({ query: OPEN_INCIDENTS, variables: { tenantId }, context });
  useEvery(REFRESH_MS, () => execute({ requestPolicy: "network-only" }));
  const incidents = data?.incidents.edges ?? [];
  if (incidents.length === 0 && !isStaff) return null;
  return (
    <Card title={t("incidents.title")} actions={<Link to="/incidents">{t("incidents.all")}</Link>} flush>
      {error ? (
        <div className={styles.inset}>
          <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />
        </div>
      ) : incidents.length === 0 ? (
        data && <EmptyState title={t("incidents.none")} />
      ) : (
        <ul className={styles.groups}>
          {incidents.map(({ node }) => (
            <li key={node.id} className={styles.group}>
              <div className={styles.words}>
                <Link kind="quiet" to={`/incidents/${node.id}`}>
                  {node.title}
                </Link>
                <span className={styles.note}>
                  {t("incidents.since")} <Time at={node.startedAt} />
                  {node.tenantCount !== null && ` · ${t("incidents.tenants", { count: node.tenantCount })}`}
                </span>
              </div>
              <span className={styles.badges}>
                {node.severity !== null && <StatusBadge kind="severity" value={node.severity} />}
                <StatusBadge kind="incident" value={node.status} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

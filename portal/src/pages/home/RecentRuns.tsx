import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql } from "@/api";
import { Link, StatusBadge, Time } from "@/ui";
import styles from "./RunningNow.module.css";

const RECENT_RUNS = graphql(`
  query RecentRuns($tenantId: ID) {
    runs(filter: { status: [SUCCEEDED, PARTIAL, FAILED, CANCELED, RECOVERED], tenantId: $tenantId }, first: 5) {
      edges {
        node {
          id
          status
          queuedAt
          finishedAt
          tenant {
            id
            name
          }
          integration {
            id
            name
          }
        }
      }
    }
  }
`);

const context = { requestPolicy: "cache-and-network" as const, additionalTypenames: ["Run"] };

/** The runs that were asked for last and have ended. */
export function RecentRuns({ tenantId, showsTenant }: { tenantId: string | undefined; showsTenant: boolean }) {
  const { t } = useTranslation("home");
  const [{ data }] = useQuery({ query: RECENT_RUNS, variables: { tenantId }, context });
  const runs = data?.runs.edges.map(({ node }) => node) ?? [];
  if (runs.length === 0) return null;
  return (
    <>
      <h3 className={styles.lately}>{t("running.lately")}</h3>
      <ul className={styles.runs}>
        {runs.map((run) => (
          <li key={run.id} className={styles.run}>
            <div className={styles.head}>
              <Link kind="quiet" to={`/runs/${run.id}`}>
                {run.integration.name}
              </Link>
              <StatusBadge kind="run" value={run.status} />
            </div>
            <span className={styles.note}>
              {showsTenant && `${run.tenant.name} · `}
              <Time at={run.finishedAt ?? run.queuedAt} />
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

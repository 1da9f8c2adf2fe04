import { useTranslation } from "react-i18next";
import { useLive, usePages } from "@/api";
import { usePermission } from "@/app/session";
import { HEALTH_CHANGED, INTEGRATIONS } from "@/pages/integrations/integrationRow";
import { ButtonLink, Card, EmptyState, ErrorState, Link, Skeleton } from "@/ui";
import { TrafficLight } from "./TrafficLight";
import styles from "./TrafficLights.module.css";

interface TrafficLightsProps {
  tenantId: string | undefined;
  showsTenant: boolean;
  /** The health of one changed. */
  onChange: () => void;
}

const SHOWN = 12;

/** The integrations as lights, the worst first; all of them are on the board of the integrations' page. */
export function TrafficLights({ tenantId, showsTenant, onChange }: TrafficLightsProps) {
  const { t } = useTranslation("home");
  const mayMake = usePermission("integrations:write");
  const pages = usePages({
    query: INTEGRATIONS,
    variables: { filter: { tenantId }, orderBy: { field: "HEALTH", direction: "DESC" }, withSystems: false, withHealth: true },
    connection: (data) => data.integrations,
    pageSize: SHOWN,
    typenames: ["Integration"],
  });
  const refresh = () => {
    pages.refresh();
    onChange();
  };
  useLive(HEALTH_CHANGED, {
    onChange: ({ healthChanged: { integration, ...health } }) => {
      pages.patch({ id: integration.id, health });
      refresh();
    },
    onBehind: refresh,
  });
  const rows = pages.rows.slice(0, SHOWN);
  return (
    <Card title={t("board.title")} description={t("board.lead")} actions={<Link to="/integrations?view=board">{t("board.all")}</Link>}>
      {pages.isLoading ? (
        <Skeleton lines={4} height={48} />
      ) : pages.problem && rows.length === 0 ? (
        <ErrorState problem={pages.problem} onRetry={pages.refresh} />
      ) : rows.length === 0 ? (
        <EmptyState title={t("board.none")} actions={mayMake && <ButtonLink kind="primary" to="/systems/new">{t("board.begin")}</ButtonLink>}>
          {t("board.noneHelp")}
        </EmptyState>
      ) : (
        <ul className={styles.lights}>
          {rows.map((row) => (
            <li key={row.id}>
              <TrafficLight row={row} showsTenant={showsTenant} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

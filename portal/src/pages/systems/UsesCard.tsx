import { Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { ButtonLink, Card, EmptyState, Link, Skeleton, StatusBadge, Table } from "@/ui";
import type { SystemOfPage } from "./systemQuery";
import styles from "./Systems.module.css";
import { useUses } from "./useUses";

/** The integrations that read from a system or write to it. */
export function UsesCard({ system }: { system: SystemOfPage }) {
  const { t } = useTranslation("systems");
  const mayMake = usePermission("integrations:write");
  const uses = useUses(system.tenant.id);
  const rows = uses.of(system.id);
  if (!uses.mayRead) return null;
  const make = mayMake && (
    <ButtonLink size="small" to={`/integrations/new?${system.connector.isSource ? "source" : "destination"}=${system.id}`} icon={<Plus size={14} aria-hidden />}>
      {t("uses.make")}
    </ButtonLink>
  );
  return (
    <Card title={t("uses.title")} actions={rows.length > 0 && make} flush={rows.length > 0}>
      {rows.length > 0 ? (
        <Table
          label={t("uses.title")}
          rows={rows}
          to={({ id }) => `/integrations/${id}`}
          columns={[
            { id: "name", header: t("column.integration"), isRowHeader: true, width: "minmax(160px, 2fr)", cell: ({ name }) => name },
            { id: "does", header: t("uses.does"), cell: ({ source, destination }) => t(source.id === destination.id ? "uses.both" : source.id === system.id ? "uses.reads" : "uses.writes") },
            { id: "status", header: t("column.status"), cell: ({ status }) => <StatusBadge kind="integration" value={status} /> },
          ]}
        />
      ) : uses.extent === "reading" ? (
        <Skeleton lines={3} />
      ) : uses.extent === "some" ? (
        <p className={styles.note}>
          {t("uses.some")} <Link to="/integrations">{t("uses.toIntegrations")}</Link>
        </p>
      ) : (
        <EmptyState title={t("unused")} actions={make}>
          {t("uses.help")}
        </EmptyState>
      )}
    </Card>
  );
}

import { Pencil } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { Badge, Card, type Column, IconButton, KeyValue, Table } from "@/ui";
import { RetentionDialog } from "./RetentionDialog";
import type { TenantDetail } from "./Tenant";

type Retention = TenantDetail["retention"][number];

/** How many runs go at once, and how long history is kept. */
export function TenantLimits({ tenant }: { tenant: TenantDetail }) {
  const { t } = useTranslation("tenants");
  const mayManage = usePermission("tenants:manage");
  const [editing, setEditing] = useState<Retention | null>(null);
  const columns: Column<Retention & { id: string }>[] = [
    { id: "kind", header: t("retention.what"), width: "minmax(180px, 2fr)", cell: ({ kind }) => t(`retention.kind.${kind}`) },
    {
      id: "days",
      header: t("retention.days"),
      width: "minmax(160px, 1.4fr)",
      cell: ({ days, isDefault }) => (
        <span>
          {days == null ? t("retention.forEver") : t("retention.forDays", { count: days })} {isDefault && <Badge>{t("retention.default")}</Badge>}
        </span>
      ),
    },
    ...(mayManage
      ? [
          {
            id: "edit",
            header: t("edit"),
            hideHeader: true,
            align: "end" as const,
            width: "48px",
            cell: (row: Retention) => (
              <IconButton label={`${t("edit")}: ${t(`retention.kind.${row.kind}`)}`} onPress={() => setEditing(row)}>
                <Pencil size={16} aria-hidden />
              </IconButton>
            ),
          },
        ]
      : []),
  ];
  return (
    <>
      <Card title={t("runs")}>
        <KeyValue entries={[[t("concurrency"), tenant.runConcurrency ?? t("concurrencyDefault")]]} />
      </Card>
      <Card title={t("retention.title")} description={t("retention.lead")} flush>
        <Table label={t("retention.title")} rows={tenant.retention.map((each) => ({ ...each, id: each.kind }))} columns={columns} />
      </Card>
      {editing && <RetentionDialog tenantId={tenant.id} retention={editing} onClose={() => setEditing(null)} />}
    </>
  );
}

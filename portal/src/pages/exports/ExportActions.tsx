import { useTranslation } from "react-i18next";
import type { ExportStatus } from "@/api/generated/schema";
import { Button, Link, Time } from "@/ui";

interface ExportActionsProps {
  row: { status: ExportStatus; url?: string | null; expiresAt?: string | null };
  onCancel: () => void;
}

/** The file, or an end to making it. The link is shown only to whoever asked for the export. */
export function ExportActions({ row, onCancel }: ExportActionsProps) {
  const { t } = useTranslation("exports");
  if (row.status === "QUEUED" || row.status === "RUNNING") {
    return (
      <Button size="small" onPress={onCancel}>
        {t("cancel")}
      </Button>
    );
  }
  if (row.status !== "SUCCEEDED") return null;
  return (
    <div>
      {row.url != null ? <Link href={row.url}>{t("download")}</Link> : <span>{t("notYours")}</span>}
      {row.expiresAt != null && (
        <p>
          {t("until")} <Time at={row.expiresAt} as="absolute" />
        </p>
      )}
    </div>
  );
}

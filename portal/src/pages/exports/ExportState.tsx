import { Ban, CircleCheck, CircleX, Clock, Hourglass, type LucideIcon, Play } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { ExportStatus } from "@/api/generated/schema";
import { Badge, type Tone } from "@/ui";

const looks: Record<ExportStatus, { tone: Tone; icon: LucideIcon }> = {
  QUEUED: { tone: "neutral", icon: Clock },
  RUNNING: { tone: "info", icon: Play },
  SUCCEEDED: { tone: "success", icon: CircleCheck },
  FAILED: { tone: "danger", icon: CircleX },
  CANCELED: { tone: "neutral", icon: Ban },
  EXPIRED: { tone: "neutral", icon: Hourglass },
};

/** How far an export is, and why it came to nothing. */
export function ExportState({ status, message }: { status: ExportStatus; message?: string | null }) {
  const { t } = useTranslation("exports");
  const { tone, icon: Icon } = looks[status];
  return (
    <div>
      <Badge tone={tone} icon={<Icon size={13} aria-hidden />}>
        {t(`status.${status}`)}
      </Badge>
      {message != null && <p>{message}</p>}
    </div>
  );
}

import { Ban, CircleAlert, CircleCheck, CircleX, type LucideIcon, Minus } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { AuditOutcome } from "@/api/generated/schema";
import { Badge, type Tone } from "@/ui";

const looks: Record<AuditOutcome, { tone: Tone; icon: LucideIcon }> = {
  SUCCEEDED: { tone: "success", icon: CircleCheck },
  UNCHANGED: { tone: "neutral", icon: Minus },
  REJECTED: { tone: "warning", icon: CircleAlert },
  DENIED: { tone: "danger", icon: Ban },
  FAILED: { tone: "danger", icon: CircleX },
};

/** What came of what somebody did. */
export function AuditOutcomeBadge({ value }: { value: AuditOutcome }) {
  const { t } = useTranslation("audit");
  const { tone, icon: Icon } = looks[value];
  return (
    <Badge tone={tone} icon={<Icon size={13} aria-hidden />}>
      {t(`outcome.${value}`)}
    </Badge>
  );
}

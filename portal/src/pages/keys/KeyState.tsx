import { Ban, CircleCheck, Hourglass } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, Time, useNow } from "@/ui";

/** Whether it is good, until when, or since when no more. */
export function KeyState({ endedAt, expiresAt, endedWord }: { endedAt?: string | null; expiresAt?: string | null; endedWord: string }) {
  const { t } = useTranslation("keys");
  const now = useNow();
  if (endedAt != null) {
    return (
      <Badge tone="danger" icon={<Ban size={13} aria-hidden />}>
        {endedWord} <Time at={endedAt} />
      </Badge>
    );
  }
  if (expiresAt != null && Date.parse(expiresAt) <= now) {
    return (
      <Badge icon={<Hourglass size={13} aria-hidden />}>
        {t("expired")} <Time at={expiresAt} />
      </Badge>
    );
  }
  return (
    <Badge tone="success" icon={<CircleCheck size={13} aria-hidden />}>
      {t("good")}
      {expiresAt != null && (
        <>
          , {t("ends")} <Time at={expiresAt} />
        </>
      )}
    </Badge>
  );
}

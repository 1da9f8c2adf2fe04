import { RefreshCw } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { usePermission } from "@/app/session";
import { useLanguage } from "@/i18n";
import { Banner, Button, Card, Count, format, KeyValue, Time } from "@/ui";
import { RotateUrlDialog } from "./RotateUrlDialog";
import type { SystemOfPage } from "./systemQuery";
import { WebhookUrl } from "./WebhookUrl";

interface WebhookCardProps {
  systemId: string;
  webhook: NonNullable<SystemOfPage["webhook"]>;
}

/** Where a system sends its events to, and what came there. */
export function WebhookCard({ systemId, webhook }: WebhookCardProps) {
  const { t } = useTranslation("systems");
  const language = useLanguage();
  const mayWrite = usePermission("systems:write");
  const [isRotating, setIsRotating] = useState(false);
  return (
    <Card
      title={t("webhook.title")}
      actions={
        mayWrite && (
          <Button size="small" icon={<RefreshCw size={14} aria-hidden />} onPress={() => setIsRotating(true)}>
            {t("webhook.rotate")}
          </Button>
        )
      }
    >
      <WebhookUrl webhook={webhook} />
      {webhook.previousUrlUntil !== null && (
        <Banner tone="info">
          {t("webhook.previous")} <Time at={webhook.previousUrlUntil} />
        </Banner>
      )}
      <KeyValue
        entries={[
          [t("webhook.received"), <Count key="received" value={webhook.receivedCount} />],
          [t("webhook.lastReceived"), webhook.lastReceivedAt === null ? t("never") : <Time key="lastReceived" at={webhook.lastReceivedAt} />],
          [
            t("webhook.waiting"),
            <span key="waiting">
              <Count value={webhook.waitingCount} /> ({format.bytes(webhook.waitingBytes, language)})
            </span>,
          ],
          [t("webhook.refused"), <Count key="refused" value={webhook.refusedCount} />],
          [t("webhook.lastRefused"), webhook.lastRefusedAt !== null && <Time key="lastRefused" at={webhook.lastRefusedAt} />],
          [t("webhook.refusal"), webhook.lastRefusal],
        ]}
      />
      {isRotating && <RotateUrlDialog systemId={systemId} onClose={() => setIsRotating(false)} />}
    </Card>
  );
}

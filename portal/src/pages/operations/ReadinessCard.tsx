import { CircleAlert, CircleCheck, CircleX } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, Banner, Card, KeyValue, Skeleton } from "@/ui";
import { readinessOf } from "./readiness";
import { useServerText } from "./useServerText";

/** Whether what the server needs answers: database, queue, replica, and workers that take what is due. */
export function ReadinessCard() {
  const { t } = useTranslation("operations");
  const answer = useServerText("/readyz");
  const readiness = answer && readinessOf(answer.text);
  const tone = readiness?.status === "ready" ? "success" : readiness?.status === "degraded" ? "warning" : "danger";
  const Icon = { success: CircleCheck, warning: CircleAlert, danger: CircleX }[tone];
  return (
    <Card
      title={t("readiness.title")}
      description={t("readiness.lead")}
      actions={
        readiness && (
          <Badge tone={tone} icon={<Icon size={13} aria-hidden />}>
            {t(`readiness.status.${readiness.status}`, { defaultValue: readiness.status })}
          </Badge>
        )
      }
    >
      {!answer ? (
        <Skeleton lines={3} />
      ) : !readiness ? (
        <p>{t("notServed", { path: "/readyz" })}</p>
      ) : (
        <>
          {readiness.reason !== null && <Banner tone="warning">{readiness.reason}</Banner>}
          <KeyValue
            entries={Object.entries(readiness.checks).map(([name, value]) => [
              t(`readiness.check.${name}`, { defaultValue: name }),
              <Badge
                key={name}
                tone={value === "ok" ? "success" : "danger"}
                icon={value === "ok" ? <CircleCheck size={13} aria-hidden /> : <CircleX size={13} aria-hidden />}
              >
                {t(`readiness.value.${value}`, { defaultValue: value })}
              </Badge>,
            ])}
          />
        </>
      )}
    </Card>
  );
}

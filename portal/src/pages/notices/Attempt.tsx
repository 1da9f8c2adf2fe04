import { CircleCheck, CircleX, OctagonX } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, Code, Duration, Time } from "@/ui";
import styles from "./Delivery.module.css";
import type { DeliveryFields } from "./deliveryFields";

const looks = {
  DELIVERED: { tone: "success", icon: CircleCheck },
  FAILED: { tone: "warning", icon: CircleX },
  REFUSED: { tone: "danger", icon: OctagonX },
} as const;

/** One try: what came of it, how long it took, and what was answered. */
export function Attempt({ attempt }: { attempt: NonNullable<DeliveryFields["attempts"]>[number] }) {
  const { t } = useTranslation("notices");
  const { tone, icon: Icon } = looks[attempt.outcome];
  return (
    <li className={styles.attempt}>
      <p className={styles.line}>
        <Badge tone={tone} icon={<Icon size={13} aria-hidden />}>
          {t(`attempt.${attempt.outcome}`)}
        </Badge>
        {attempt.httpStatus != null && <span>HTTP {attempt.httpStatus}</span>}
        <Duration ms={attempt.durationMs} />
        <Time at={attempt.at} as="absolute" />
      </p>
      {attempt.error != null && <p>{attempt.error}</p>}
      {attempt.response != null && attempt.response !== "" && (
        <Code isBlock label={t("response")}>
          {attempt.response}
        </Code>
      )}
    </li>
  );
}

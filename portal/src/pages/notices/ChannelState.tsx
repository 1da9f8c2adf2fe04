import { CircleCheck, CirclePause, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, Time } from "@/ui";
import type { Channel } from "./channelFields";

/** Whether anything is sent there, why not, and since when nothing arrives. */
export function ChannelState({ channel }: { channel: Channel }) {
  const { t } = useTranslation("notices");
  if (channel.status === "DISABLED") {
    return (
      <div>
        <Badge icon={<CirclePause size={13} aria-hidden />}>{t("channel.status.DISABLED")}</Badge>
        {channel.statusReason != null && <p>{channel.statusReason}</p>}
      </div>
    );
  }
  if (channel.failingSince != null) {
    return (
      <Badge tone="warning" icon={<TriangleAlert size={13} aria-hidden />}>
        {t("channel.failing")} <Time at={channel.failingSince} as="absolute" />
      </Badge>
    );
  }
  return (
    <div>
      <Badge tone="success" icon={<CircleCheck size={13} aria-hidden />}>
        {t("channel.status.ACTIVE")}
      </Badge>
      {channel.previousSecretUntil != null && (
        <p>
          {t("channel.oldSecretUntil")} <Time at={channel.previousSecretUntil} as="absolute" />
        </p>
      )}
    </div>
  );
}

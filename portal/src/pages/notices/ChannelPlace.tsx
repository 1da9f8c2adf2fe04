import { useTranslation } from "react-i18next";
import type { Channel } from "./channelFields";

/** Where a channel leads: a URL, a host, or people. */
export function ChannelPlace({ channel }: { channel: Channel }) {
  const { t } = useTranslation("notices");
  if (channel.url != null) return <span>{channel.url}</span>;
  const places = [...(channel.toAdmins ? [t("channel.admins")] : []), ...(channel.addresses ?? [])];
  return <span>{places.length > 0 ? places.join(", ") : t("nobody")}</span>;
}

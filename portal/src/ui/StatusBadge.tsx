import { useTranslation } from "react-i18next";
import { Badge } from "./Badge";
import { statusLooks, type StatusKinds, type StatusLook } from "./status";

export type StatusBadgeProps = { [Kind in keyof StatusKinds]: { kind: Kind; value: StatusKinds[Kind] } }[keyof StatusKinds];

/** A status: icon, word and colour, so that none of them stands alone. */
export function StatusBadge({ kind, value }: StatusBadgeProps) {
  const { t } = useTranslation("common");
  // A server that is newer than this page may have others.
  const look = (statusLooks[kind] as Record<string, StatusLook | undefined>)[value];
  const Icon = look?.icon;
  return (
    <Badge tone={look?.tone ?? "neutral"} icon={Icon && <Icon size={13} aria-hidden />}>
      {t(`status.${kind}.${value}`, { defaultValue: value })}
    </Badge>
  );
}

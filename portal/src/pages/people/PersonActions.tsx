import { Ban, CircleCheck, Ellipsis, KeyRound, ShieldOff, UserCog } from "lucide-react";
import { useTranslation } from "react-i18next";
import { usePermission, useViewer } from "@/app/session";
import { IconButton, Menu } from "@/ui";
import type { PersonActionKind } from "./PersonAction";
import { isStaffRole } from "./roles";
import type { Person } from "./UserList";

/** What may be done with a person. Nobody does it to themselves. */
export function PersonActions({ person, onAct }: { person: Person; onAct: (kind: PersonActionKind) => void }) {
  const { t } = useTranslation("people");
  const { user } = useViewer();
  const mayManage = usePermission("users:manage");
  const mayStaff = usePermission("staff:manage");
  if (!(isStaffRole(person.role) ? mayStaff : mayManage) || person.id === user?.id) return null;
  const label = t("actionsOf", { name: person.name });
  return (
    <Menu
      label={label}
      trigger={
        <IconButton label={label}>
          <Ellipsis size={16} aria-hidden />
        </IconButton>
      }
      entries={[
        { id: "role", label: t("act.role.action"), icon: <UserCog size={16} aria-hidden />, onAction: () => onAct("role") },
        { id: "password", label: t("act.password.action"), icon: <KeyRound size={16} aria-hidden />, onAction: () => onAct("password") },
        ...(person.secondFactor
          ? [{ id: "factor", label: t("act.factor.action"), icon: <ShieldOff size={16} aria-hidden />, onAction: () => onAct("factor") }]
          : []),
        "separator",
        person.disabledAt == null
          ? { id: "disable", label: t("act.disable.action"), icon: <Ban size={16} aria-hidden />, isDanger: true, onAction: () => onAct("disable") }
          : { id: "enable", label: t("act.enable.action"), icon: <CircleCheck size={16} aria-hidden />, onAction: () => onAct("enable") },
      ]}
    />
  );
}

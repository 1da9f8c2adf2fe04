import { ArrowRightLeft, BellOff, CircleCheck, EyeOff, Merge, MoreHorizontal, Undo2, UserCheck, UserPlus } from "lucide-react";
import { lazy, Suspense, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { ResponsibleParty } from "@/api/generated/schema";
import { useIsStaff, usePermission } from "@/app/session";
import { Button, Menu, type MenuEntry } from "@/ui";
import type { GroupOfPage } from "./groupOfPage";
import type { NoteDecision } from "./decisions";

const AssignDialog = lazy(() => import("./AssignDialog"));
const HandOverDialog = lazy(() => import("@/actions/HandOverDialog"));
const MergeDialog = lazy(() => import("./MergeDialog"));
const NoteDialog = lazy(() => import("./NoteDialog"));
const SnoozeDialog = lazy(() => import("./SnoozeDialog"));

type Opened = NoteDecision | "snooze" | "assign" | "handOver" | "merge";

const allParties: readonly ResponsibleParty[] = ["CUSTOMER", "SUPPORT", "ENGINEERING", "THIRD_PARTY"];

/** What one may decide about a group, by who one is and how far it is. */
export function GroupDecisions({ group, onDone }: { group: GroupOfPage; onDone: () => void }) {
  const { t } = useTranslation("groups");
  const isStaff = useIsStaff();
  const mayManage = usePermission("failure_groups:manage");
  const mayDismiss = usePermission("failure_groups:dismiss");
  const mayAssign = usePermission("contacts:read");
  const [opened, setOpened] = useState<Opened | null>(null);
  const { status, viewerCanDecide } = group;
  if (!mayManage || group.mergedInto) return null;
  const isOver = status === "RESOLVED" || status === "IGNORED";
  const isDecided = isOver || status === "ACKNOWLEDGED" || status === "SNOOZED";
  const parties = (isStaff ? allParties : (["SUPPORT"] as const)).filter((party) => party !== group.responsibleParty);
  const entry = (id: Opened, icon: ReactNode, isThere: boolean, isDanger = false): MenuEntry[] =>
    isThere ? [{ id, label: t(`decision.${id}.title`), icon, isDanger, onAction: () => setOpened(id) }] : [];
  const entries = [
    ...entry("snooze", <BellOff size={16} aria-hidden />, viewerCanDecide && !isOver),
    ...entry("assign", <UserPlus size={16} aria-hidden />, viewerCanDecide && mayAssign && !isOver),
    ...entry("handOver", <ArrowRightLeft size={16} aria-hidden />, viewerCanDecide && !isOver && parties.length > 0),
    ...entry("reopen", <Undo2 size={16} aria-hidden />, viewerCanDecide && isDecided && !isOver),
    ...entry("merge", <Merge size={16} aria-hidden />, viewerCanDecide && mayDismiss),
    ...entry("ignore", <EyeOff size={16} aria-hidden />, viewerCanDecide && mayDismiss && !isOver, true),
  ];
  const close = () => setOpened(null);
  const shared = {
    groupId: group.id,
    onClose: close,
    onDone: () => {
      close();
      onDone();
    },
  };
  return (
    <>
      {isOver && viewerCanDecide && (
        <Button icon={<Undo2 size={16} aria-hidden />} onPress={() => setOpened("reopen")}>
          {t("decision.reopen.title")}
        </Button>
      )}
      {viewerCanDecide && !isDecided && (
        <Button icon={<UserCheck size={16} aria-hidden />} onPress={() => setOpened("acknowledge")}>
          {t("decision.acknowledge.title")}
        </Button>
      )}
      {!isOver && (
        <Button icon={<CircleCheck size={16} aria-hidden />} onPress={() => setOpened("resolve")}>
          {t("decision.resolve.title")}
        </Button>
      )}
      {entries.length > 0 && (
        <Menu
          label={t("decision.more")}
          trigger={<Button icon={<MoreHorizontal size={16} aria-hidden />}>{t("decision.more")}</Button>}
          entries={entries}
        />
      )}
      <Suspense>
        {opened === "snooze" && <SnoozeDialog {...shared} />}
        {opened === "assign" && <AssignDialog {...shared} tenantId={group.tenant.id} assigneeId={group.assignee?.id ?? null} />}
        {opened === "handOver" && <HandOverDialog {...shared} title={t("decision.handOver.title")} to={parties} />}
        {opened === "merge" && <MergeDialog {...shared} integrationId={group.integration.id} />}
        {(opened === "acknowledge" || opened === "resolve" || opened === "ignore" || opened === "reopen") && (
          <NoteDialog {...shared} decision={opened} />
        )}
      </Suspense>
    </>
  );
}

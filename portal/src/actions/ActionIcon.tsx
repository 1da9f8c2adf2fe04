import {
  ArrowRightLeft,
  CircleStop,
  FilePen,
  Hourglass,
  type LucideIcon,
  MessageCircleQuestion,
  PackageCheck,
  PackageX,
  PencilLine,
  Play,
  Plug,
  RotateCw,
  Settings2,
  SkipForward,
  Stethoscope,
  Waypoints,
} from "lucide-react";
import type { SuggestedActionKind } from "@/api/generated/schema";

const icons: Record<SuggestedActionKind, LucideIcon> = {
  RECONNECT: Plug,
  EDIT_AND_RETRY: FilePen,
  RETRY: RotateCw,
  SKIP: SkipForward,
  MAP_FIELD: Waypoints,
  CHANGE_INTEGRATION: Settings2,
  CHANGE_SYSTEM: Settings2,
  CORRECT_AT_SOURCE: PencilLine,
  CORRECT_AT_DESTINATION: PencilLine,
  RELEASE_QUARANTINE: PackageCheck,
  DISCARD_QUARANTINE: PackageX,
  ASK_VENDOR: MessageCircleQuestion,
  WAIT: Hourglass,
  HAND_OVER: ArrowRightLeft,
  TEST_SYSTEM: Stethoscope,
  RESUME_INTEGRATION: Play,
  START_RUN: Play,
  CANCEL_RETRY: CircleStop,
};

/** The picture of a step. A server that is newer than this page may have others, which have none. */
export function ActionIcon({ kind }: { kind: SuggestedActionKind }) {
  const Icon = (icons as Partial<typeof icons>)[kind];
  return Icon ? <Icon size={16} aria-hidden /> : null;
}

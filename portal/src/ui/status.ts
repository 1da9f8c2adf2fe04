import {
  Archive,
  Ban,
  BellOff,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleHelp,
  CirclePause,
  CircleX,
  Clock,
  Eye,
  FileWarning,
  Flame,
  Hourglass,
  KeyRound,
  type LucideIcon,
  OctagonPause,
  Play,
  Repeat,
  RotateCcw,
  Search,
  SkipForward,
  TrendingUp,
  TriangleAlert,
  Undo2,
  UserCheck,
} from "lucide-react";
import type * as schema from "@/api/generated/schema";
import type { Tone } from "./Banner";

export interface StatusLook {
  tone: Tone;
  icon: LucideIcon;
}

/** Enums whose values are shown as a status: what each looks like. Words: `common:status.<kind>.<VALUE>`. */
export interface StatusKinds {
  run: schema.RunStatus;
  failure: schema.FailureStatus;
  group: schema.FailureGroupStatus;
  health: schema.HealthStatus;
  integration: schema.IntegrationStatus;
  incident: schema.IncidentStatus;
  severity: schema.IncidentSeverity;
  impact: schema.Impact;
  system: schema.SystemStatus;
  tenant: schema.TenantStatus;
  retry: schema.RetryStatus;
  circuit: schema.CircuitState;
  delivery: schema.NoticeDeliveryStatus;
  invitation: schema.InvitationStatus;
}

const look = (tone: Tone, icon: LucideIcon): StatusLook => ({ tone, icon });

export const statusLooks: { [Kind in keyof StatusKinds]: Record<StatusKinds[Kind], StatusLook> } = {
  run: {
    QUEUED: look("neutral", Clock),
    RUNNING: look("info", Play),
    SUCCEEDED: look("success", CircleCheck),
    PARTIAL: look("warning", TriangleAlert),
    FAILED: look("danger", CircleX),
    CANCELED: look("neutral", Ban),
    RECOVERED: look("success", RotateCcw),
  },
  failure: {
    OPEN: look("danger", CircleAlert),
    RETRYING: look("info", Repeat),
    RESOLVED: look("success", CircleCheck),
    SKIPPED: look("neutral", SkipForward),
    SUPERSEDED: look("neutral", Undo2),
  },
  group: {
    NEW: look("danger", CircleAlert),
    ONGOING: look("warning", TriangleAlert),
    ESCALATING: look("danger", TrendingUp),
    ACKNOWLEDGED: look("info", UserCheck),
    SNOOZED: look("neutral", BellOff),
    RESOLVED: look("success", CircleCheck),
    REGRESSED: look("danger", Undo2),
    IGNORED: look("neutral", Ban),
  },
  health: {
    HELD: look("danger", OctagonPause),
    ACTION_REQUIRED: look("danger", CircleAlert),
    FAILING: look("danger", CircleX),
    STALE: look("warning", Hourglass),
    DEGRADED: look("warning", TriangleAlert),
    RUNNING: look("info", Play),
    HEALTHY: look("success", CircleCheck),
    UNKNOWN: look("neutral", CircleHelp),
    PAUSED: look("neutral", CirclePause),
    ARCHIVED: look("neutral", Archive),
  },
  integration: {
    ACTIVE: look("success", CircleCheck),
    PAUSED: look("neutral", CirclePause),
    HELD: look("danger", OctagonPause),
    ARCHIVED: look("neutral", Archive),
  },
  incident: {
    INVESTIGATING: look("danger", Search),
    IDENTIFIED: look("warning", FileWarning),
    MONITORING: look("info", Eye),
    RESOLVED: look("success", CircleCheck),
  },
  severity: {
    MINOR: look("neutral", CircleDashed),
    MAJOR: look("warning", TriangleAlert),
    CRITICAL: look("danger", Flame),
  },
  impact: {
    LOW: look("neutral", CircleDashed),
    MEDIUM: look("info", CircleAlert),
    HIGH: look("warning", TriangleAlert),
    CRITICAL: look("danger", Flame),
  },
  system: {
    UNTESTED: look("neutral", CircleDashed),
    HEALTHY: look("success", CircleCheck),
    FAILING: look("danger", CircleX),
    REAUTH_REQUIRED: look("danger", KeyRound),
  },
  tenant: { ACTIVE: look("success", CircleCheck), SUSPENDED: look("warning", CirclePause) },
  retry: {
    QUEUED: look("neutral", Clock),
    RUNNING: look("info", Play),
    COMPLETED: look("success", CircleCheck),
    CANCELED: look("neutral", Ban),
  },
  circuit: {
    CLOSED: look("success", CircleCheck),
    OPEN: look("danger", CircleX),
    HALF_OPEN: look("warning", Hourglass),
  },
  delivery: {
    QUEUED: look("neutral", Clock),
    DELIVERED: look("success", CircleCheck),
    FAILED: look("danger", CircleX),
    PARKED: look("neutral", CirclePause),
  },
  invitation: {
    PENDING: look("info", Clock),
    EXPIRED: look("neutral", Hourglass),
    ACCEPTED: look("success", CircleCheck),
    REVOKED: look("neutral", Ban),
  },
};

import {
  AlarmClock,
  BellRing,
  BookOpen,
  Building2,
  Cable,
  CircleAlert,
  Contact,
  Cpu,
  FileDown,
  House,
  Inbox,
  KeyRound,
  Languages,
  type LucideIcon,
  Plug,
  PowerOff,
  ScrollText,
  Settings,
  ShieldAlert,
  Terminal,
  Users,
  Workflow,
} from "lucide-react";
import { isStaff, type Permission, type Viewer } from "./session/viewer";

export interface Entry {
  /** Its key below `common:navigation`. */
  name: string;
  to: string;
  icon: LucideIcon;
  /** Shown to those who hold it. */
  permission?: Permission;
  /** Of the operator's staff only. */
  isStaffOnly?: boolean;
  /** Of people, not of portal sessions and keys. */
  isForPeople?: boolean;
  /** About whoever is signed in: nobody is in a view. */
  isOneself?: boolean;
}

interface Group {
  name: "work" | "organisation" | "operator";
  entries: readonly Entry[];
}

const groups: readonly Group[] = [
  {
    name: "work",
    entries: [
      { name: "home", to: "/", icon: House },
      { name: "inbox", to: "/inbox", icon: Inbox, permission: "failures:read" },
      { name: "integrations", to: "/integrations", icon: Workflow, permission: "integrations:read" },
      { name: "failures", to: "/failures", icon: CircleAlert, permission: "failures:read" },
      { name: "systems", to: "/systems", icon: Plug, permission: "systems:read" },
      { name: "incidents", to: "/incidents", icon: ShieldAlert, permission: "incidents:read" },
    ],
  },
  {
    name: "organisation",
    entries: [
      { name: "notices", to: "/notices", icon: BellRing, permission: "notices:read" },
      { name: "people", to: "/people", icon: Users, permission: "users:read" },
      { name: "contacts", to: "/contacts", icon: Contact, permission: "contacts:read", isForPeople: true },
      { name: "keys", to: "/keys", icon: KeyRound, permission: "api_keys:manage" },
      { name: "audit", to: "/audit", icon: ScrollText, permission: "audit:read" },
      { name: "exports", to: "/exports-list", icon: FileDown, permission: "exports:manage" },
      { name: "settings", to: "/settings", icon: Settings, isOneself: true },
    ],
  },
  {
    name: "operator",
    entries: [
      { name: "tenants", to: "/tenants", icon: Building2, permission: "tenants:read", isStaffOnly: true },
      { name: "escalations", to: "/escalations", icon: AlarmClock, permission: "escalations:read", isStaffOnly: true },
      { name: "runbooks", to: "/runbooks", icon: BookOpen, permission: "runbooks:read", isStaffOnly: true },
      { name: "words", to: "/words", icon: Languages, permission: "words:manage", isStaffOnly: true },
      { name: "logs", to: "/logs", icon: Terminal, permission: "internals:read", isStaffOnly: true },
      { name: "killSwitches", to: "/kill-switches", icon: PowerOff, permission: "kill_switches:manage", isStaffOnly: true },
      { name: "connectors", to: "/connectors", icon: Cable, permission: "systems:read", isStaffOnly: true },
      { name: "operations", to: "/operations", icon: Cpu, permission: "diagnostics:read", isStaffOnly: true },
    ],
  },
];

/** What the viewer may go to. */
export function navigationOf(viewer: Viewer): readonly Group[] {
  return groups
    .map(({ name, entries }) => ({
      name,
      entries: entries.filter(
        (entry) =>
          (entry.permission === undefined || viewer.permissions.includes(entry.permission)) &&
          (!entry.isStaffOnly || isStaff(viewer)) &&
          (!entry.isForPeople || (viewer.role !== "PORTAL" && viewer.role !== "PARTNER")) &&
          (!entry.isOneself || viewer.user != null),
      ),
    }))
    .filter(({ entries }) => entries.length > 0);
}

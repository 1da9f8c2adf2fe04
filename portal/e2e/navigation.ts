import type { Role } from "./scene";

const work = ["Home", "Inbox", "Integrations", "Failures", "Systems", "Incidents"];

/** What each role has in its navigation, written by hand: not by what the portal or the server says. */
export const navigation: Record<Role, string[]> = {
  PLATFORM_ADMIN: [
    ...work,
    ...["Notices", "People", "Contacts", "Keys", "Audit log", "Exports", "Settings"],
    ...["Tenants", "Escalations", "Runbooks", "Words", "Logs", "Kill switches", "Connectors", "Operations"],
  ],
  ENGINEER: [
    ...work,
    ...["Notices", "People", "Contacts", "Exports", "Settings"],
    ...["Tenants", "Escalations", "Runbooks", "Logs", "Kill switches", "Connectors", "Operations"],
  ],
  SUPPORT: [
    ...work,
    ...["Notices", "People", "Contacts", "Exports", "Settings"],
    ...["Tenants", "Escalations", "Runbooks", "Connectors", "Operations"],
  ],
  TENANT_ADMIN: [...work, "Notices", "People", "Contacts", "Keys", "Audit log", "Exports", "Settings"],
  TENANT_MEMBER: [...work, "Notices", "People", "Contacts", "Exports", "Settings"],
  TENANT_VIEWER: [...work, "People", "Contacts", "Settings"],
};

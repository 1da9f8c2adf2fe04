import { scene, type Role } from "./scene";

/** A page to look at, as whom. */
export interface Place {
  name: string;
  address: string;
  as: Role | "nobody";
}

const { own, shop } = scene;

const bare: [string, string][] = [
  ["sign-in", "/sign-in"],
  ["reset-password", "/reset-password"],
  ["new-password", "/reset-password#token=none"],
  ["accept-invitation", "/accept-invitation#token=none"],
  ["confirm-email", "/confirm-email#token=none"],
];

const customers: [string, string][] = [
  ["home", "/"],
  ["inbox", "/inbox"],
  ["integrations", "/integrations"],
  ["integration-new", "/integrations/new"],
  ["integration", `/integrations/${own.integration}`],
  ...["runs", "failures", "mapping", "schedule", "reconciliation", "backfills", "quarantines", "settings", "audit"].map((tab): [string, string] => [
    `integration-${tab}`,
    `/integrations/${own.integration}?tab=${tab}`,
  ]),
  ["run", `/runs/${own.run}`],
  ["run-failures", `/runs/${own.run}?tab=failures`],
  ["failures", "/failures"],
  ["failure", `/failures/${own.failure}`],
  ["failure-edit", `/failures/${own.failure}?edit=yes`],
  ["group", `/groups/${own.group}`],
  ["systems", "/systems"],
  ["system-new", "/systems/new"],
  ["system", `/systems/${own.source}`],
  ["incidents", "/incidents"],
  ["incident", `/incidents/${scene.incident}`],
  ["notices", "/notices"],
  ["audit", "/audit"],
  ["exports", "/exports-list"],
  ["people", "/people"],
  ["contacts", "/contacts"],
  ["keys", "/keys"],
  ["settings", "/settings"],
  ["not-found", "/nowhere"],
];

/** What is there for staff alone, or has more in it for them. */
const staff: [string, string][] = [
  ["home", "/"],
  ["inbox", "/inbox"],
  ["integrations", "/integrations"],
  ["integration", `/integrations/${shop.integration}`],
  ["run-logs", `/runs/${own.run}?tab=logs`],
  ["run-metrics", `/runs/${own.run}?tab=metrics`],
  ["failure", `/failures/${own.failure}`],
  ["group", `/groups/${own.group}`],
  ["tenants", "/tenants"],
  ["tenant", `/tenants/${scene.tenant}`],
  ["incident", `/incidents/${scene.incident}`],
  ["escalations", "/escalations"],
  ["runbooks", "/runbooks"],
  ["runbook-new", "/runbooks/new"],
  ["words", "/words"],
  ["logs", "/logs"],
  ["kill-switches", "/kill-switches"],
  ["connectors", "/connectors"],
  ["operations", "/operations"],
];

/** Every address, and each tab that shows something else. */
export const places: Place[] = [
  ...bare.map(([name, address]): Place => ({ name, address, as: "nobody" })),
  ...customers.map(([name, address]): Place => ({ name, address, as: "TENANT_ADMIN" })),
  ...staff.map(([name, address]): Place => ({ name: `staff-${name}`, address, as: "PLATFORM_ADMIN" })),
];

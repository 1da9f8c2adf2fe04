import type { Mutation } from "@/api/generated/schema";

/** What can be looked for in the audit log: mutations by what they are about. A test has each of the schema in one of them. */
export const areas = {
  account: [
    "signIn", "refreshSession", "signOut", "endSession", "changePassword", "requestPasswordReset", "resetPassword", "changeEmail",
    "confirmEmail", "enrollSecondFactor", "confirmSecondFactor", "regenerateRecoveryCodes", "disableSecondFactor",
    "startSingleSignOn", "finishSingleSignOn", "acceptInvitation",
  ],
  people: [
    "createUser", "setUserRole", "disableUser", "enableUser", "setUserPassword", "resetSecondFactor", "inviteUser",
    "resendInvitation", "revokeInvitation",
  ],
  keys: [
    "createApiKey", "revokeApiKey", "createPortalKey", "revokePortalKey", "createPortalSession", "endPortalSession",
    "endPortalSessions", "createIdentityProvider", "updateIdentityProvider", "deleteIdentityProvider",
  ],
  tenants: ["createTenant", "updateTenant", "suspendTenant", "resumeTenant", "setTenantRetention", "setSupportAccess", "viewAs"],
  systems: ["createSystem", "updateSystem", "testSystem", "deleteSystem", "createConnectLink", "rotateWebhookUrl"],
  integrations: [
    "createIntegration", "updateIntegration", "sampleRecords", "previewMapping", "pauseIntegration", "resumeIntegration",
    "resetCursor", "archiveIntegration", "setHealthTargets", "setKpis", "setSyntheticCheck", "removeSyntheticCheck",
    "runSyntheticCheck", "setIntegrationContacts",
  ],
  runs: [
    "startRun", "startRuns", "cancelRun", "retryRun", "startBackfill", "cancelBackfill", "reconcileIntegration",
    "repairReconciliation", "engageKillSwitch", "releaseKillSwitch",
  ],
  failures: [
    "retryFailures", "editAndRetryFailure", "skipFailures", "cancelRetry", "revealRecord", "releaseQuarantine", "discardQuarantine",
    "acknowledgeFailureGroup", "snoozeFailureGroup", "resolveFailureGroup", "ignoreFailureGroup", "reopenFailureGroup",
    "handOverFailureGroup", "commentFailureGroup", "mergeFailureGroups", "assignFailureGroup",
  ],
  incidents: [
    "createIncident", "updateIncident", "addIncidentNote", "resolveIncident", "writePostmortem", "createRunbook", "updateRunbook",
    "reviewRunbook", "deleteRunbook", "createEscalationPolicy", "updateEscalationPolicy", "deleteEscalationPolicy",
    "createOwnershipRule", "updateOwnershipRule", "deleteOwnershipRule", "createContact", "updateContact", "deleteContact",
    "setWordOverride", "removeWordOverride",
  ],
  notices: [
    "createNoticeChannel", "updateNoticeChannel", "rotateNoticeChannelSecret", "deleteNoticeChannel", "testNoticeChannel",
    "createNoticePolicy", "updateNoticePolicy", "deleteNoticePolicy", "replayNotice",
  ],
  exports: ["createExport", "cancelExport"],
} as const satisfies Record<string, readonly (keyof Mutation)[]>;

export type Area = keyof typeof areas;

/** Beside mutations: the name that a download has. */
const others: Partial<Record<Area, readonly string[]>> = { exports: ["downloadExport"] };

/** Names for the filter; null: all. */
export function operationsOf(area: string | null): string[] | null {
  if (area === null || !(area in areas)) return null;
  return [...areas[area as Area], ...(others[area as Area] ?? [])];
}

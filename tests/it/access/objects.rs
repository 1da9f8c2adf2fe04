//! Every field of every object of the API, and who reads it. Deliberately absent: connections, edges and payloads,
//! which hold nothing of their own; their shape is checked, and they are read with the operations.

use super::rules::Rule;
use super::world::Target;

use Field::{Needs, Own, Redacted, Same};

/// Who reads a field of an object that they may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// All, and all the same.
    Same,
    /// All, each in their own words.
    Own,
    /// Those with another permission; for the others it is an error.
    Needs(&'static str),
    /// Those with another permission; for the others it is null.
    Redacted(&'static str),
}

/// A way to one object, or to one kind of its parts.
pub struct Object {
    /// Its type.
    pub of: &'static str,
    /// Who may read it.
    pub rule: Rule,
    /// The query, with `@` in place of what is selected of it.
    pub at: fn(&Target) -> String,
    /// Its fields.
    pub fields: &'static [(&'static str, Field)],
}

/// All of them. A type that has several ways to it has all its fields in them together.
pub const OBJECTS: &[Object] = &[
    Object {
        of: "Viewer",
        rule: Rule::SignedIn,
        at: |_| "viewer { @ }".to_owned(),
        fields: &[
            ("role", Own),
            ("audience", Own),
            ("tenant", Own),
            ("user", Own),
            ("permissions", Own),
            ("secondFactor", Own),
            ("secondFactorRequired", Own),
            ("expiresAt", Own),
        ],
    },
    Object {
        of: "Viewer",
        rule: Rule::Person,
        at: |_| "viewer { @ }".to_owned(),
        fields: &[("sessions", Own), ("recoveryCodesLeft", Own)],
    },
    Object {
        of: "Session",
        rule: Rule::Person,
        at: |_| "viewer { sessions { edges { node { @ } } } }".to_owned(),
        fields: &[
            ("id", Own),
            ("createdAt", Own),
            ("lastUsedAt", Own),
            ("expiresAt", Own),
            ("address", Own),
            ("userAgent", Own),
            ("isCurrent", Own),
        ],
    },
    Object {
        of: "AuditEntry",
        rule: Rule::Needs("audit:read"),
        at: |t| {
            format!(
                "auditEntries(first: 1, filter: {{tenantId: \"{}\"}}) {{ edges {{ node {{ @ }} }} }}",
                t.tenant
            )
        },
        fields: &[
            ("id", Own),
            ("tenant", Own),
            ("at", Own),
            ("actorId", Own),
            ("actorName", Own),
            ("role", Own),
            ("address", Own),
            ("userAgent", Own),
            ("requestId", Own),
            ("operation", Own),
            ("objectId", Own),
            ("outcome", Own),
            ("detail", Own),
        ],
    },
    Object {
        of: "Tenant",
        rule: Rule::Needs("tenants:read"),
        at: |t| format!("tenant(id: \"{}\") {{ @ }}", t.tenant),
        fields: &[
            ("id", Same),
            ("slug", Same),
            ("name", Same),
            ("externalId", Same),
            ("status", Same),
            ("statusReason", Same),
            ("supportAccess", Same),
            ("supportAccessUntil", Same),
            ("runConcurrency", Same),
            ("createdAt", Same),
            ("updatedAt", Same),
            ("integrations", Needs("integrations:read")),
            ("runs", Needs("runs:read")),
            ("failures", Needs("failures:read")),
            ("systems", Needs("systems:read")),
        ],
    },
    Object {
        of: "User",
        rule: Rule::Needs("users:read"),
        at: |t| format!("user(id: \"{}\") {{ @ }}", t.user),
        fields: &[
            ("id", Same),
            ("email", Same),
            ("name", Same),
            ("role", Same),
            ("tenant", Same),
            ("createdAt", Same),
            ("disabledAt", Same),
            ("secondFactor", Same),
        ],
    },
    Object {
        of: "IdentityProvider",
        rule: Rule::Needs("identity_providers:manage"),
        at: |t| {
            let filter = format!("filter: {{tenantId: \"{}\"}}", t.tenant);
            format!("identityProviders(last: 1, {filter}) {{ edges {{ node {{ @ }} }} }}")
        },
        fields: &[
            ("id", Same),
            ("tenant", Same),
            ("name", Same),
            ("issuer", Same),
            ("clientId", Same),
            ("hasClientSecret", Same),
            ("redirectUris", Same),
            ("roleClaim", Same),
            ("roleMapping", Same),
            ("defaultRole", Same),
            ("createsUsers", Same),
            ("trustsEmail", Same),
            ("createdAt", Same),
            ("updatedAt", Same),
        ],
    },
    Object {
        of: "MappedRole",
        rule: Rule::Needs("identity_providers:manage"),
        at: |t| {
            let filter = format!("filter: {{tenantId: \"{}\"}}", t.tenant);
            format!("identityProviders(last: 1, {filter}) {{ edges {{ node {{ roleMapping {{ @ }} }} }} }}")
        },
        fields: &[("value", Same), ("role", Same)],
    },
    Object {
        of: "Invitation",
        rule: Rule::Needs("users:read"),
        at: |t| format!("node(id: \"{}\") {{ ... on Invitation {{ @ }} }}", t.invitation),
        fields: &[
            ("id", Same),
            ("email", Same),
            ("name", Same),
            ("role", Same),
            ("tenant", Same),
            ("status", Same),
            ("mail", Same),
            ("createdAt", Same),
            ("expiresAt", Same),
            ("acceptedAt", Same),
            ("revokedAt", Same),
            ("user", Same),
        ],
    },
    Object {
        of: "ApiKey",
        rule: Rule::Needs("users:read"),
        at: |t| format!("node(id: \"{}\") {{ ... on ApiKey {{ @ }} }}", t.api_key),
        fields: &[
            ("id", Same),
            ("name", Same),
            ("prefix", Same),
            ("role", Same),
            ("scopes", Same),
            ("tenants", Same),
            ("createdAt", Same),
            ("expiresAt", Same),
            ("lastUsedAt", Same),
            ("revokedAt", Same),
        ],
    },
    Object {
        of: "PortalKey",
        rule: Rule::Needs("users:read"),
        at: |t| format!("node(id: \"{}\") {{ ... on PortalKey {{ @ }} }}", t.portal_key),
        fields: &[
            ("id", Same),
            ("name", Same),
            ("algorithm", Same),
            ("thumbprint", Same),
            ("scopes", Same),
            ("allTenants", Same),
            ("tenants", Same),
            ("createdAt", Same),
            ("expiresAt", Same),
            ("revokedAt", Same),
        ],
    },
    Object {
        of: "PortalSession",
        rule: Rule::Needs("portal_sessions:create"),
        at: |t| format!("node(id: \"{}\") {{ ... on PortalSession {{ @ }} }}", t.portal_session),
        fields: &[
            ("id", Same),
            ("tenant", Same),
            ("endUser", Same),
            ("scopes", Same),
            ("createdAt", Same),
            ("expiresAt", Same),
            ("endedAt", Same),
        ],
    },
    Object {
        of: "Connector",
        rule: Rule::Everywhere("systems:read"),
        at: |_| "connectors { @ }".to_owned(),
        fields: &[
            ("name", Same),
            ("title", Same),
            ("description", Same),
            ("isSource", Same),
            ("isDestination", Same),
            ("configSchema", Same),
            ("credentialsSchema", Same),
            ("sourceSchema", Same),
            ("destinationSchema", Same),
        ],
    },
    Object {
        of: "System",
        rule: Rule::Needs("systems:read"),
        at: |t| format!("system(id: \"{}\") {{ @ }}", t.system),
        fields: &[
            ("id", Same),
            ("tenant", Same),
            ("name", Same),
            ("connector", Same),
            ("config", Same),
            ("hasCredentials", Same),
            ("authorization", Same),
            ("webhook", Same),
            ("status", Same),
            ("statusMessage", Same),
            ("lastTestedAt", Same),
            ("rateLimit", Same),
            ("circuit", Same),
            ("createdAt", Same),
        ],
    },
    Object {
        of: "SystemAuthorization",
        rule: Rule::Needs("systems:read"),
        at: |t| format!("system(id: \"{}\") {{ authorization {{ @ }} }}", t.connectable),
        fields: &[
            ("grant", Same),
            ("status", Same),
            ("connectedAt", Same),
            ("expiresAt", Same),
            ("scopes", Same),
        ],
    },
    Object {
        of: "WebhookEndpoint",
        rule: Rule::Needs("systems:read"),
        at: |t| format!("system(id: \"{}\") {{ webhook {{ @ }} }}", t.receiving),
        fields: &[
            ("url", Redacted("systems:write")),
            ("path", Redacted("systems:write")),
            ("previousUrlUntil", Same),
            ("receivedCount", Same),
            ("lastReceivedAt", Same),
            ("waitingCount", Same),
            ("waitingBytes", Same),
            ("refusedCount", Same),
            ("lastRefusedAt", Same),
            ("lastRefusal", Same),
        ],
    },
    Object {
        of: "RateLimit",
        rule: Rule::Needs("systems:read"),
        at: |t| format!("system(id: \"{}\") {{ rateLimit {{ @ }} }}", t.system),
        fields: &[("requestsPerMinute", Same), ("burst", Same)],
    },
    Object {
        of: "Circuit",
        rule: Rule::Needs("systems:read"),
        at: |t| format!("system(id: \"{}\") {{ circuit {{ @ }} }}", t.system),
        fields: &[("state", Same), ("since", Same), ("until", Same), ("failures", Same)],
    },
    Object {
        of: "Integration",
        rule: Rule::Needs("integrations:read"),
        at: |t| format!("integration(id: \"{}\") {{ @ }}", t.integration),
        fields: &[
            ("id", Same),
            ("tenant", Same),
            ("name", Same),
            ("description", Same),
            ("status", Same),
            ("statusReason", Same),
            ("source", Needs("systems:read")),
            ("destination", Needs("systems:read")),
            ("streams", Same),
            ("schedule", Same),
            ("retryPolicy", Same),
            ("holdAfter", Same),
            ("reconcile", Same),
            ("failedRunCount", Same),
            ("hold", Same),
            ("runs", Needs("runs:read")),
            ("backfills", Needs("runs:read")),
            ("quarantines", Needs("failures:read")),
            ("reconciliations", Needs("runs:read")),
            ("latestReconciliation", Needs("runs:read")),
            ("failures", Needs("failures:read")),
            ("createdAt", Same),
            ("updatedAt", Same),
        ],
    },
    Object {
        of: "RetryPolicy",
        rule: Rule::Needs("integrations:read"),
        at: |t| format!("integration(id: \"{}\") {{ retryPolicy {{ @ }} }}", t.integration),
        fields: &[
            ("attempts", Same),
            ("firstWaitSeconds", Same),
            ("longestWaitSeconds", Same),
            ("progressTimeoutSeconds", Same),
        ],
    },
    Object {
        of: "IntegrationHold",
        rule: Rule::Needs("integrations:read"),
        at: |t| format!("integration(id: \"{}\") {{ hold {{ @ }} }}", t.held_integration),
        fields: &[("reason", Same), ("since", Same), ("failure", Needs("failures:read"))],
    },
    Object {
        of: "Stream",
        rule: Rule::Needs("integrations:read"),
        at: |t| format!("integration(id: \"{}\") {{ streams {{ @ }} }}", t.integration),
        fields: &[
            ("name", Same),
            ("mode", Same),
            ("keyFields", Same),
            ("cursorField", Same),
            ("source", Same),
            ("destination", Same),
            ("mapping", Same),
            ("recordSchema", Same),
            ("overlap", Same),
            ("onSchemaChange", Same),
            ("deletions", Same),
            ("quality", Same),
        ],
    },
    Object {
        of: "StreamQuality",
        rule: Rule::Needs("integrations:read"),
        at: |t| format!("integration(id: \"{}\") {{ streams {{ quality {{ @ }} }} }}", t.integration),
        fields: &[
            ("maxFailedPercent", Same),
            ("minRecords", Same),
            ("unique", Same),
            ("references", Same),
            ("tableReferences", Same),
            ("nullRates", Same),
            ("volume", Same),
        ],
    },
    Object {
        of: "StreamReference",
        rule: Rule::Needs("failures:read"),
        at: |t| {
            let quality = "quality { references { @ } }";
            format!("quarantine(id: \"{}\") {{ integration {{ streams {{ {quality} }} }} }}", t.quarantine)
        },
        fields: &[("fields", Same), ("stream", Same)],
    },
    Object {
        of: "StreamTableReference",
        rule: Rule::Needs("failures:read"),
        at: |t| {
            let quality = "quality { tableReferences { @ } }";
            format!("quarantine(id: \"{}\") {{ integration {{ streams {{ {quality} }} }} }}", t.quarantine)
        },
        fields: &[("fields", Same), ("table", Same), ("columns", Same)],
    },
    Object {
        of: "StreamNullRate",
        rule: Rule::Needs("failures:read"),
        at: |t| {
            let quality = "quality { nullRates { @ } }";
            format!("quarantine(id: \"{}\") {{ integration {{ streams {{ {quality} }} }} }}", t.quarantine)
        },
        fields: &[("field", Same), ("maxPercent", Same), ("maxIncrease", Same)],
    },
    Object {
        of: "StreamVolume",
        rule: Rule::Needs("failures:read"),
        at: |t| {
            let quality = "quality { volume { @ } }";
            format!("quarantine(id: \"{}\") {{ integration {{ streams {{ {quality} }} }} }}", t.quarantine)
        },
        fields: &[("minPercent", Same), ("maxPercent", Same)],
    },
    Object {
        of: "Deletions",
        rule: Rule::Needs("integrations:read"),
        at: |t| format!("integration(id: \"{}\") {{ streams {{ deletions {{ @ }} }} }}", t.held_integration),
        fields: &[("action", Same), ("markField", Same), ("maxPercent", Same)],
    },
    Object {
        of: "Stream",
        rule: Rule::Needs("integrations:read"),
        at: |t| format!("integration(id: \"{}\") {{ streams {{ @ }} }}", t.incremental),
        fields: &[("cursor", Needs("runs:read")), ("schema", Same)],
    },
    Object {
        of: "StreamCursor",
        rule: Rule::Needs("runs:read"),
        at: |t| {
            format!("backfill(id: \"{}\") {{ integration {{ streams {{ cursor {{ @ }} }} }} }}", t.backfill)
        },
        fields: &[("value", Same), ("at", Same), ("run", Same)],
    },
    Object {
        of: "StreamSchema",
        rule: Rule::Needs("integrations:read"),
        at: |t| format!("integration(id: \"{}\") {{ streams {{ schema {{ @ }} }} }}", t.incremental),
        fields: &[("fields", Same), ("lastChange", Same)],
    },
    Object {
        of: "StreamField",
        rule: Rule::Needs("integrations:read"),
        at: |t| {
            format!("integration(id: \"{}\") {{ streams {{ schema {{ fields {{ @ }} }} }} }}", t.incremental)
        },
        fields: &[("name", Same), ("types", Same), ("always", Same)],
    },
    Object {
        of: "SchemaChange",
        rule: Rule::Needs("integrations:read"),
        at: |t| {
            format!(
                "integration(id: \"{}\") {{ streams {{ schema {{ lastChange {{ @ }} }} }} }}",
                t.incremental
            )
        },
        fields: &[
            ("at", Same),
            ("run", Needs("runs:read")),
            ("added", Same),
            ("removed", Same),
            ("changed", Same),
        ],
    },
    Object {
        of: "ChangedField",
        rule: Rule::Needs("integrations:read"),
        at: |t| {
            let last = "lastChange { changed { @ } }";
            format!("integration(id: \"{}\") {{ streams {{ schema {{ {last} }} }} }}", t.incremental)
        },
        fields: &[("field", Same), ("from", Same), ("to", Same)],
    },
    Object {
        of: "Schedule",
        rule: Rule::Needs("integrations:read"),
        at: |t| format!("integration(id: \"{}\") {{ schedule {{ @ }} }}", t.integration),
        fields: &[("cron", Same), ("timeZone", Same), ("nextRunAt", Same)],
    },
    Object {
        of: "Run",
        rule: Rule::Needs("runs:read"),
        at: |t| format!("run(id: \"{}\") {{ @ }}", t.run),
        fields: &[
            ("id", Same),
            ("tenant", Same),
            ("integration", Same),
            ("status", Same),
            ("trigger", Same),
            ("triggeredBy", Same),
            ("retryOf", Same),
            ("backfill", Same),
            ("reconciliation", Same),
            ("queuedAt", Same),
            ("startedAt", Same),
            ("finishedAt", Same),
            ("durationMs", Same),
            ("wait", Same),
            ("nextAttemptAt", Same),
            ("counts", Same),
            ("quarantines", Needs("failures:read")),
            ("failures", Needs("failures:read")),
            ("events", Own),
            ("traceId", Redacted("internals:read")),
        ],
    },
    Object {
        of: "Run",
        rule: Rule::Needs("runs:read"),
        at: |t| format!("run(id: \"{}\") {{ @ }}", t.divided_run),
        fields: &[("slices", Same)],
    },
    Object {
        of: "RunSlice",
        rule: Rule::Needs("runs:read"),
        at: |t| {
            format!("run(id: \"{}\") {{ slices(first: 1) {{ edges {{ node {{ @ }} }} }} }}", t.divided_run)
        },
        fields: &[
            ("stream", Same),
            ("ordinal", Same),
            ("status", Same),
            ("counts", Same),
            ("pageCount", Same),
            ("worker", Redacted("internals:read")),
            ("startedAt", Same),
            ("finishedAt", Same),
        ],
    },
    Object {
        of: "Run",
        rule: Rule::Needs("runs:read"),
        at: |t| format!("run(id: \"{}\") {{ @ }}", t.failed_run),
        fields: &[("failure", Needs("failures:read"))],
    },
    Object {
        of: "RunWait",
        rule: Rule::Needs("runs:read"),
        at: |t| format!("run(id: \"{}\") {{ wait {{ @ }} }}", t.run),
        fields: &[("reason", Same), ("code", Same), ("message", Same)],
    },
    Object {
        of: "KillSwitch",
        rule: Rule::Needs("kill_switches:manage"),
        at: |t| {
            let filter = format!("filter: {{tenantId: \"{}\"}}", t.tenant);
            format!("killSwitches(last: 1, {filter}) {{ edges {{ node {{ @ }} }} }}")
        },
        fields: &[
            ("id", Same),
            ("scope", Same),
            ("target", Same),
            ("reason", Same),
            ("messageForCustomers", Same),
            ("onRelease", Same),
            ("createdBy", Same),
            ("createdAt", Same),
            ("expiresAt", Same),
            ("releasedAt", Same),
        ],
    },
    Object {
        of: "NoticeChannel",
        rule: Rule::Needs("notices:read"),
        at: |t| {
            format!(
                "noticeChannels(last: 100, filter: {{tenantId: \"{}\"}}) {{ edges {{ node {{ @ }} }} }}",
                t.tenant
            )
        },
        fields: &[
            ("id", Same),
            ("tenantId", Same),
            ("name", Same),
            ("kind", Same),
            ("status", Same),
            ("statusReason", Same),
            ("url", Same),
            ("previousSecretUntil", Same),
            ("addresses", Same),
            ("toAdmins", Same),
            ("isDefault", Same),
            ("failingSince", Same),
            ("createdAt", Same),
            ("updatedAt", Same),
        ],
    },
    Object {
        of: "NoticePolicy",
        rule: Rule::Needs("notices:read"),
        at: |t| {
            format!(
                "noticePolicies(last: 100, filter: {{tenantId: \"{}\"}}) {{ edges {{ node {{ @ }} }} }}",
                t.tenant
            )
        },
        fields: &[
            ("id", Same),
            ("tenantId", Same),
            ("name", Same),
            ("isEnabled", Same),
            ("isDefault", Same),
            ("selectors", Same),
            ("channelIds", Same),
            ("delivery", Same),
            ("digestHour", Same),
            ("timeZone", Same),
            ("quietHours", Same),
            ("quietOverride", Same),
            ("hourlyMax", Same),
            ("createdAt", Same),
            ("updatedAt", Same),
        ],
    },
    Object {
        of: "NoticeSelectors",
        rule: Rule::Needs("notices:read"),
        at: |t| {
            format!(
                "noticePolicies(last: 100, filter: {{tenantId: \"{}\"}}) {{ edges {{ node {{ selectors {{ @ }} }} }} }}",
                t.tenant
            )
        },
        fields: &[
            ("kinds", Same),
            ("tenantIds", Same),
            ("integrationIds", Same),
            ("codes", Same),
            ("categories", Same),
            ("responsibleParties", Same),
            ("countMin", Same),
        ],
    },
    Object {
        of: "QuietHours",
        rule: Rule::Needs("notices:read"),
        at: |t| {
            format!(
                "noticePolicies(last: 100, filter: {{tenantId: \"{}\"}}) {{ edges {{ node {{ quietHours {{ @ }} }} }} }}",
                t.tenant
            )
        },
        fields: &[("from", Same), ("until", Same)],
    },
    Object {
        of: "Notice",
        rule: Rule::Needs("notices:read"),
        at: |t| format!("notice(id: \"{}\") {{ @ }}", t.notice),
        fields: &[
            ("id", Same),
            ("tenantId", Same),
            ("policyId", Same),
            ("policyName", Same),
            ("channelId", Same),
            ("channelName", Same),
            ("kind", Same),
            ("items", Same),
            ("itemCount", Same),
            ("waitsFor", Same),
            ("dueAt", Same),
            ("sentAt", Same),
            ("createdAt", Same),
            ("deliveries", Same),
        ],
    },
    Object {
        of: "NoticeItem",
        rule: Rule::Needs("notices:read"),
        at: |t| format!("notice(id: \"{}\") {{ items {{ @ }} }}", t.notice),
        fields: &[
            ("kind", Same),
            ("type", Same),
            ("isRecovery", Same),
            ("at", Same),
            ("tenantId", Same),
            ("integrationId", Same),
            ("runId", Same),
            ("failureId", Same),
            ("systemId", Same),
            ("code", Same),
            ("count", Same),
            ("businessReferences", Same),
            ("title", Same),
            ("summary", Same),
            ("actsNext", Same),
            ("action", Same),
            ("link", Same),
        ],
    },
    Object {
        of: "NoticeDelivery",
        rule: Rule::Needs("notices:read"),
        at: |t| format!("notice(id: \"{}\") {{ deliveries {{ @ }} }}", t.notice),
        fields: &[
            ("id", Same),
            ("noticeId", Same),
            ("channelId", Same),
            ("recipient", Same),
            ("status", Same),
            ("nextAttemptAt", Same),
            ("createdAt", Same),
            ("finishedAt", Same),
            ("lastError", Same),
            ("attempts", Needs("notices:manage")),
        ],
    },
    Object {
        of: "NoticeAttempt",
        rule: Rule::Needs("notices:manage"),
        at: |t| format!("notice(id: \"{}\") {{ deliveries {{ attempts {{ @ }} }} }}", t.notice),
        fields: &[
            ("at", Same),
            ("outcome", Same),
            ("durationMs", Same),
            ("httpStatus", Same),
            ("response", Same),
            ("error", Same),
        ],
    },
    Object {
        of: "RunCounts",
        rule: Rule::Needs("runs:read"),
        at: |t| format!("run(id: \"{}\") {{ counts {{ @ }} }}", t.run),
        fields: &[
            ("read", Same),
            ("created", Same),
            ("updated", Same),
            ("unchanged", Same),
            ("skipped", Same),
            ("failed", Same),
            ("deleted", Same),
            ("unaccounted", Same),
        ],
    },
    Object {
        of: "RunEvent",
        rule: Rule::Audience("CUSTOMER"),
        at: |t| format!("node(id: \"{}\") {{ ... on RunEvent {{ @ }} }}", t.event),
        fields: &[
            ("id", Same),
            ("at", Same),
            ("type", Same),
            ("audience", Same),
            ("component", Same),
            ("businessReference", Same),
            ("message", Same),
            ("attributes", Same),
        ],
    },
    Object {
        of: "Reveal",
        rule: Rule::Needs("failures:read"),
        at: |t| format!("failure(id: \"{}\") {{ reveals {{ @ }} }}", t.failure),
        fields: &[
            ("failure", Same),
            ("revealedBy", Own),
            ("reason", Same),
            ("createdAt", Same),
            ("expiresAt", Same),
        ],
    },
    Object {
        of: "Failure",
        rule: Rule::Needs("failures:read"),
        at: |t| format!("failure(id: \"{}\") {{ @ }}", t.failure),
        fields: &[
            ("id", Same),
            ("tenant", Same),
            ("integration", Same),
            ("run", Same),
            ("stream", Same),
            ("quarantine", Same),
            ("businessReference", Same),
            ("status", Same),
            ("category", Same),
            ("stage", Same),
            ("code", Same),
            ("responsibleParty", Same),
            ("retryable", Same),
            ("summary", Same),
            ("suggestedAction", Own),
            ("fieldErrors", Same),
            ("attempts", Same),
            ("failedAt", Same),
            ("lastAttemptAt", Same),
            ("nextAttemptAt", Same),
            ("resolvedAt", Same),
            ("httpStatus", Redacted("diagnostics:read")),
            ("technicalDetail", Redacted("internals:read")),
            ("record", Redacted("records:read")),
            ("reveals", Own),
            ("redactions", Own),
            ("viewerCanRetry", Own),
            ("viewerCanSkip", Own),
            ("viewerCanEdit", Own),
        ],
    },
    Object {
        of: "FieldError",
        rule: Rule::Needs("failures:read"),
        at: |t| format!("failure(id: \"{}\") {{ fieldErrors {{ @ }} }}", t.failure),
        fields: &[("path", Same), ("rule", Same), ("message", Same)],
    },
    Object {
        of: "Redaction",
        rule: Rule::Needs("failures:read"),
        at: |t| format!("failure(id: \"{}\") {{ redactions {{ @ }} }}", t.failure),
        fields: &[("field", Own), ("reason", Own)],
    },
    Object {
        of: "Retry",
        rule: Rule::Needs("failures:read"),
        at: |t| format!("retry(id: \"{}\") {{ @ }}", t.retry),
        fields: &[
            ("id", Same),
            ("tenant", Same),
            ("status", Same),
            ("requestedBy", Same),
            ("createdAt", Same),
            ("finishedAt", Same),
            ("total", Same),
            ("resolved", Same),
            ("failed", Same),
            ("remaining", Same),
            ("runs", Needs("runs:read")),
        ],
    },
    Object {
        of: "Quarantine",
        rule: Rule::Needs("failures:read"),
        at: |t| format!("quarantine(id: \"{}\") {{ @ }}", t.quarantine),
        fields: &[
            ("id", Same),
            ("tenant", Same),
            ("integration", Same),
            ("run", Same),
            ("stream", Same),
            ("status", Same),
            ("rule", Same),
            ("field", Same),
            ("measured", Same),
            ("allowed", Same),
            ("reason", Same),
            ("recordCount", Same),
            ("judgedCount", Same),
            ("failedCount", Same),
            ("createdAt", Same),
            ("decidedAt", Same),
            ("decidedBy", Same),
            ("note", Same),
            ("retry", Same),
            ("failures", Same),
        ],
    },
    Object {
        of: "Backfill",
        rule: Rule::Needs("runs:read"),
        at: |t| format!("backfill(id: \"{}\") {{ @ }}", t.backfill),
        fields: &[
            ("id", Same),
            ("tenant", Same),
            ("integration", Same),
            ("stream", Same),
            ("from", Same),
            ("to", Same),
            ("status", Same),
            ("counts", Same),
            ("requestedBy", Same),
            ("createdAt", Same),
            ("finishedAt", Same),
            ("runs", Same),
        ],
    },
    Object {
        of: "Reconciliation",
        rule: Rule::Needs("runs:read"),
        at: |t| format!("reconciliation(id: \"{}\") {{ @ }}", t.reconciliation),
        fields: &[
            ("id", Same),
            ("tenant", Same),
            ("integration", Same),
            ("status", Same),
            ("run", Same),
            ("afterRun", Same),
            ("requestedBy", Same),
            ("createdAt", Same),
            ("finishedAt", Same),
            ("streams", Same),
            ("differences", Same),
            ("repairedBy", Needs("failures:read")),
        ],
    },
    Object {
        of: "ReconciledStream",
        rule: Rule::Needs("runs:read"),
        at: |t| format!("reconciliation(id: \"{}\") {{ streams {{ @ }} }}", t.reconciliation),
        fields: &[
            ("name", Same),
            ("outcome", Same),
            ("reason", Same),
            ("counts", Same),
            ("checksums", Same),
            ("finishedAt", Same),
        ],
    },
    Object {
        of: "ReconciliationCounts",
        rule: Rule::Needs("runs:read"),
        at: |t| format!("reconciliation(id: \"{}\") {{ streams {{ counts {{ @ }} }} }}", t.reconciliation),
        fields: &[
            ("read", Same),
            ("leftOut", Same),
            ("refused", Same),
            ("source", Same),
            ("destination", Same),
            ("matched", Same),
            ("missing", Same),
            ("different", Same),
            ("failing", Same),
            ("notMoved", Same),
            ("extra", Same),
            ("others", Same),
        ],
    },
    Object {
        of: "ReconciliationChecksums",
        rule: Rule::Needs("runs:read"),
        at: |t| format!("reconciliation(id: \"{}\") {{ streams {{ checksums {{ @ }} }} }}", t.reconciliation),
        fields: &[
            ("sourceKeys", Same),
            ("destinationKeys", Same),
            ("sourceRecords", Same),
            ("destinationRecords", Same),
        ],
    },
    Object {
        of: "ReconciliationDifference",
        rule: Rule::Needs("runs:read"),
        at: |t| {
            format!(
                "reconciliation(id: \"{}\") {{ differences(first: 1) {{ edges {{ node {{ @ }} }} }} }}",
                t.reconciliation
            )
        },
        fields: &[
            ("stream", Same),
            ("key", Same),
            ("businessReference", Same),
            ("kind", Same),
            ("failure", Needs("failures:read")),
        ],
    },
    // Some at a time: each asks for a plan, of which one operation may not have more.
    plan(&[("total", Own), ("retryable", Own), ("notRetryable", Own)]),
    plan(&[("alreadyWritten", Own), ("wouldCreate", Own), ("wouldUpdate", Own)]),
    plan(&[("wouldOverwriteNewer", Own), ("wouldBeLeftOut", Own), ("cannotSucceed", Own)]),
    plan(&[("wouldBeRemoved", Own), ("unknown", Own), ("unpredicted", Own)]),
    plan(&[("failures", Own)]),
    predicted(&[("failureId", Own), ("businessReference", Own), ("prediction", Own)]),
    predicted(&[("reason", Own), ("fieldErrors", Own)]),
    Object {
        of: "PageInfo",
        rule: Rule::Everywhere("tenants:read"),
        at: |_| "tenants { pageInfo { @ } }".to_owned(),
        fields: &[("hasNextPage", Own), ("hasPreviousPage", Own), ("startCursor", Own), ("endCursor", Own)],
    },
];

const fn plan(fields: &'static [(&'static str, Field)]) -> Object {
    Object {
        of: "RetryPlan",
        rule: Rule::Everywhere("failures:read"),
        at: |t| format!("retryPlan(filter: {{runId: \"{}\"}}) {{ @ }}", t.run),
        fields,
    }
}

const fn predicted(fields: &'static [(&'static str, Field)]) -> Object {
    Object {
        of: "PredictedFailure",
        rule: Rule::Everywhere("failures:read"),
        at: |t| format!("retryPlan(filter: {{runId: \"{}\"}}) {{ failures {{ @ }} }}", t.run),
        fields,
    }
}

/// Types that are read with the operation that gives them, and their fields, where they are always the same.
pub fn fields_by_shape(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "Query" | "Mutation" | "Subscription" => Some(&[]),
        "UserError" => Some(&["code", "field", "message"]),
        _ if name.ends_with("Connection") => Some(&["edges", "pageInfo"]),
        _ if name.ends_with("Edge") => Some(&["cursor", "node"]),
        _ => None,
    }
}

/// What the payload of each mutation has besides `userErrors`.
pub const PAYLOADS: [(&str, &[&str]); 45] = [
    ("StartSingleSignOnPayload", &["authorizationUrl", "expiresAt", "secret"]),
    ("IdentityProviderPayload", &["identityProvider"]),
    ("DeleteIdentityProviderPayload", &["deletedIdentityProviderId"]),
    ("SignInPayload", &["accessToken", "expiresAt", "refreshToken", "viewer"]),
    ("SignOutPayload", &[]),
    ("EndSessionPayload", &["endedSessionId"]),
    ("ChangePasswordPayload", &["viewer"]),
    ("RequestPasswordResetPayload", &[]),
    ("ResetPasswordPayload", &[]),
    ("ChangeEmailPayload", &[]),
    ("ConfirmEmailPayload", &["email"]),
    ("EnrollSecondFactorPayload", &["otpauthUrl", "secret"]),
    ("ConfirmSecondFactorPayload", &["recoveryCodes", "viewer"]),
    ("RegenerateRecoveryCodesPayload", &["recoveryCodes"]),
    ("DisableSecondFactorPayload", &["viewer"]),
    ("InvitationPayload", &["invitation"]),
    ("TenantPayload", &["tenant"]),
    ("UserPayload", &["user"]),
    ("CreateApiKeyPayload", &["apiKey", "secret"]),
    ("ApiKeyPayload", &["apiKey"]),
    ("CreatePortalSessionPayload", &["expiresAt", "portalSession", "token"]),
    ("PortalKeyPayload", &["portalKey"]),
    ("PortalSessionPayload", &["portalSession"]),
    ("EndPortalSessionsPayload", &["endedCount"]),
    ("SystemPayload", &["system"]),
    ("DeleteSystemPayload", &["deletedSystemId"]),
    ("CreateConnectLinkPayload", &["expiresAt", "url"]),
    ("IntegrationPayload", &["integration"]),
    ("RevealRecordPayload", &["reveal"]),
    ("KillSwitchPayload", &["killSwitch"]),
    ("NoticePayload", &["notice"]),
    ("NoticeChannelPayload", &["noticeChannel"]),
    ("NoticeChannelSecretPayload", &["noticeChannel", "secret"]),
    ("DeleteNoticeChannelPayload", &["deletedId"]),
    ("TestNoticeChannelPayload", &["delivered", "message", "noticeChannel"]),
    ("NoticePolicyPayload", &["noticePolicy"]),
    ("DeleteNoticePolicyPayload", &["deletedId"]),
    ("RunPayload", &["run"]),
    ("BackfillPayload", &["backfill"]),
    ("QuarantinePayload", &["quarantine"]),
    ("ReconciliationPayload", &["reconciliation"]),
    ("RepairReconciliationPayload", &["reconciliation", "retry"]),
    ("RunsPayload", &["runs"]),
    ("RetryPayload", &["retry"]),
    ("SkipFailuresPayload", &["skipped"]),
];

//! Every operation of the API: how it is called on the things of one tenant, and what it asks of its caller.

use serde_json::{Value, json};

use super::rules::{Kind, Outcome, Rule};
use super::world::{Target, public_key};
use crate::harness::oidc::PORTAL;

/// What a mutation is tried on when it is expected to be done, so that the things of the others stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// What is there: nothing of it changes, or something is added.
    Nothing,
    /// A tenant.
    Tenant,
    /// A person of the tenant.
    User,
    /// A person of the tenant who is disabled.
    DisabledUser,
    /// A person of the staff.
    StaffUser,
    /// A key of the tenant.
    ApiKey,
    /// A portal key of the tenant.
    PortalKey,
    /// A portal session of the tenant.
    PortalSession,
    /// A system that nothing uses.
    System,
    /// A system that a person gives access to.
    Connectable,
    /// An integration.
    Integration,
    /// An integration that is paused.
    PausedIntegration,
    /// An integration with a synthetic check that nobody has asked for.
    SyntheticCheck,
    /// A kill switch of the tenant.
    KillSwitch,
    /// An incident that hits a system of the tenant.
    Incident,
    /// An export of the tenant that is done.
    Export,
    /// Room for another export of the tenant.
    ExportRoom,
    /// A runbook, which is no tenant's.
    Runbook,
    /// A channel of notices that no policy names.
    NoticeChannel,
    /// A policy of notices.
    NoticePolicy,
    /// A policy of escalation, which is no tenant's.
    EscalationPolicy,
    /// A contact of the tenant that nothing names.
    Contact,
    /// The same, and the group of failures, which nobody has and is with the tenant.
    Assignable,
    /// A rule of ownership of the tenant.
    OwnershipRule,
    /// A run that waits.
    Run,
    /// An open failure with a record.
    Failure,
    /// A retry that waits.
    Retry,
    /// A backfill that waits.
    Backfill,
    /// A quarantine that nobody has decided about.
    Quarantine,
    /// The group of failures, about which nobody has decided.
    FailureGroup,
    /// The group of failures, about which somebody has decided.
    DecidedGroup,
    /// Another group of failures of its integration.
    MergeableGroup,
    /// A reconciliation that found something.
    Reconciliation,
    /// A refresh token.
    Refresh,
    /// A session of the caller.
    Session,
    /// An identity provider of the tenant.
    IdentityProvider,
    /// Somebody who came back from the tenant's identity provider.
    Returned,
    /// An invitation of the tenant, which the caller knows the token of.
    Invitation,
    /// A mail for a new password, which the caller got.
    PasswordReset,
    /// A mail that confirms an address, which the caller got.
    EmailConfirmation,
    /// Somebody like the caller who has begun to set up a second factor, and a code of it.
    Enrolling,
    /// Somebody like the caller who has a second factor, and a code of it.
    Enrolled,
    /// A person of the tenant who has a second factor.
    SecondFactor,
}

/// What is sent.
#[derive(Clone, Copy)]
pub enum Call {
    /// The fields of a query, and what is in its data when it is allowed.
    Query(fn(&Target) -> String, fn(&Target) -> String),
    /// The input of a mutation; null for one that has none.
    Mutation(Fresh, fn(&Target, &Kind) -> Value),
    /// The field of a subscription, and whether its first event comes at once.
    Subscription(fn(&Target) -> String, bool),
}

/// One operation.
pub struct Operation {
    /// Its name in the schema.
    pub name: &'static str,
    /// Which of several ways to call it; mostly empty.
    pub variant: &'static str,
    /// What it asks.
    pub rule: Rule,
    /// How it is called.
    pub call: Call,
}

impl Operation {
    /// For the matrix.
    pub fn label(&self) -> String {
        let root = match self.call {
            Call::Query(..) => "Query",
            Call::Mutation(..) => "Mutation",
            Call::Subscription(..) => "Subscription",
        };
        let variant = if self.variant.is_empty() { String::new() } else { format!(" ({})", self.variant) };
        format!("{root}.{}{variant}", self.name)
    }
}

/// All of them.
pub fn operations() -> Vec<Operation> {
    [
        queries(),
        nodes(),
        sessions_and_tenants(),
        users_and_keys(),
        systems_and_integrations(),
        runs_and_failures(),
    ]
    .into_iter()
    .flatten()
    .chain(subscriptions())
    .collect()
}

fn query(
    name: &'static str,
    rule: Rule,
    fields: fn(&Target) -> String,
    sought: fn(&Target) -> String,
) -> Operation {
    Operation { name, variant: "", rule, call: Call::Query(fields, sought) }
}

fn mutation(name: &'static str, rule: Rule, fresh: Fresh, input: fn(&Target, &Kind) -> Value) -> Operation {
    Operation { name, variant: "", rule, call: Call::Mutation(fresh, input) }
}

fn subscription(name: &'static str, rule: Rule, field: fn(&Target) -> String, at_once: bool) -> Operation {
    Operation { name, variant: "", rule, call: Call::Subscription(field, at_once) }
}

fn variant(variant: &'static str, operation: Operation) -> Operation {
    Operation { variant, ..operation }
}

/// A list, by the tenant and without a filter: its oldest objects, of which the sought one is.
fn list(name: &str, t: &Target) -> String {
    format!(
        "a: {name}(last: 100, filter: {{tenantId: \"{}\"}}) {{ edges {{ node {{ id }} }} }}
         b: {name}(last: 100) {{ edges {{ node {{ id }} }} }}",
        t.tenant
    )
}

/// Of one integration: others run as well, more than a page of them.
fn runs(t: &Target) -> String {
    format!(
        "a: runs(first: 100, filter: {{tenantId: \"{}\", integrationId: \"{1}\"}}) {{ edges {{ node {{ id }} }} }}
         b: runs(first: 100, filter: {{integrationId: \"{1}\"}}) {{ edges {{ node {{ id }} }} }}",
        t.tenant, t.integration
    )
}

fn queries() -> Vec<Operation> {
    vec![
        query("viewer", Rule::SignedIn, |_| "viewer { role }".to_owned(), |_| "role".to_owned()),
        query(
            "tenant",
            Rule::Needs("tenants:read"),
            |t| format!("tenant(id: \"{}\") {{ id }}", t.tenant),
            |t| t.tenant.clone(),
        ),
        variant(
            "by slug",
            query(
                "tenant",
                Rule::Needs("tenants:read"),
                |t| format!("tenant(slug: \"{}\") {{ id }}", t.slug),
                |t| t.tenant.clone(),
            ),
        ),
        query(
            "tenants",
            Rule::Needs("tenants:read"),
            |t| format!("tenants(filter: {{search: \"{}\"}}) {{ edges {{ node {{ id }} }} }}", t.slug),
            |t| t.tenant.clone(),
        ),
        query(
            "user",
            Rule::Needs("users:read"),
            |t| format!("user(id: \"{}\") {{ id email }}", t.user),
            |t| t.user.clone(),
        ),
        query("users", Rule::Needs("users:read"), |t| list("users", t), |t| t.user.clone()),
        query("invitations", Rule::Needs("users:read"), |t| list("invitations", t), |t| t.invitation.clone()),
        query("apiKeys", Rule::Needs("users:read"), |t| list("apiKeys", t), |t| t.api_key.clone()),
        query("portalKeys", Rule::Needs("users:read"), |t| list("portalKeys", t), |t| t.portal_key.clone()),
        query(
            "portalSessions",
            Rule::Needs("portal_sessions:create"),
            |t| list("portalSessions", t),
            |t| t.portal_session.clone(),
        ),
        query(
            "identityProviders",
            Rule::Needs("identity_providers:manage"),
            |t| list("identityProviders", t),
            |t| t.identity_provider.clone(),
        ),
        query(
            "killSwitches",
            Rule::Needs("kill_switches:manage"),
            |t| list("killSwitches", t),
            |t| t.kill_switch.clone(),
        ),
        query(
            "incident",
            Rule::Needs("incidents:read"),
            |t| format!("incident(id: \"{}\") {{ id }}", t.incident),
            |t| t.incident.clone(),
        ),
        query("incidents", Rule::Needs("incidents:read"), |t| list("incidents", t), |t| t.incident.clone()),
        query(
            "export",
            Rule::Needs("exports:manage"),
            |t| format!("export(id: \"{}\") {{ id }}", t.export),
            |t| t.export.clone(),
        ),
        query("exports", Rule::Needs("exports:manage"), |t| list("exports", t), |t| t.export.clone()),
        query(
            "runbook",
            Rule::Everywhere("runbooks:read"),
            |t| format!("runbook(id: \"{}\") {{ id }}", t.runbook),
            |t| t.runbook.clone(),
        ),
        query(
            "runbooks",
            Rule::Everywhere("runbooks:read"),
            |_| {
                "runbooks(filter: {isBuiltIn: true, code: \"source.timeout\"}) { edges { node { code } } }"
                    .to_owned()
            },
            |_| "source.timeout".to_owned(),
        ),
        query(
            "runbookVersions",
            Rule::Everywhere("runbooks:read"),
            |t| format!("runbookVersions(runbookId: \"{}\") {{ title }}", t.runbook),
            |_| "Of quillon".to_owned(),
        ),
        query(
            "words",
            Rule::Everywhere("words:manage"),
            |_| "words(locale: \"de\", code: \"source.timeout\") { code }".to_owned(),
            |_| "source.timeout".to_owned(),
        ),
        query(
            "notice",
            Rule::Needs("notices:read"),
            |t| format!("notice(id: \"{}\") {{ id }}", t.notice),
            |t| t.notice.clone(),
        ),
        query("notices", Rule::Needs("notices:read"), |t| list("notices", t), |t| t.notice.clone()),
        query(
            "noticeDeliveries",
            Rule::Needs("notices:read"),
            |t| list("noticeDeliveries", t),
            |t| t.notice_delivery.clone(),
        ),
        query(
            "noticeChannels",
            Rule::Needs("notices:read"),
            |t| list("noticeChannels", t),
            |t| t.notice_channel.clone(),
        ),
        query(
            "noticePolicies",
            Rule::Needs("notices:read"),
            |t| list("noticePolicies", t),
            |t| t.notice_policy.clone(),
        ),
        query("contacts", Rule::Needs("contacts:read"), |t| list("contacts", t), |t| t.contact.clone()),
        query(
            "ownershipRules",
            Rule::Needs("ownership_rules:manage"),
            |t| list("ownershipRules", t),
            |t| t.ownership_rule.clone(),
        ),
        query(
            "ownershipRuleMatches",
            Rule::Everywhere("ownership_rules:manage"),
            |_| "ownershipRuleMatches(selectors: {codes: [\"*\"]}) { lookedAt }".to_owned(),
            |_| "lookedAt".to_owned(),
        ),
        query(
            "escalationPolicies",
            Rule::Everywhere("escalations:read"),
            |_| "escalationPolicies(first: 1) { edges { node { id } } }".to_owned(),
            |t| t.escalation_policy.clone(),
        ),
        query(
            "slaReport",
            Rule::Everywhere("escalations:read"),
            |t| format!("slaReport(tenantId: \"{}\") {{ tenantId }}", t.tenant),
            |t| t.tenant.clone(),
        ),
        query(
            "auditEntries",
            Rule::Needs("audit:read"),
            |t| {
                let filter = format!("first: 1, filter: {{tenantId: \"{}\"}}", t.tenant);
                format!("auditEntries({filter}) {{ edges {{ node {{ tenant {{ id }} }} }} }}")
            },
            |t| t.tenant.clone(),
        ),
        query(
            "platformHealth",
            Rule::Everywhere("diagnostics:read"),
            |_| "platformHealth { status }".to_owned(),
            |_| "status".to_owned(),
        ),
        query(
            "connectors",
            Rule::Everywhere("systems:read"),
            |_| "connectors { name }".to_owned(),
            |_| "sandbox".to_owned(),
        ),
        query(
            "system",
            Rule::Needs("systems:read"),
            |t| format!("system(id: \"{}\") {{ id }}", t.system),
            |t| t.system.clone(),
        ),
        query("systems", Rule::Needs("systems:read"), |t| list("systems", t), |t| t.system.clone()),
        query(
            "integration",
            Rule::Needs("integrations:read"),
            |t| format!("integration(id: \"{}\") {{ id }}", t.integration),
            |t| t.integration.clone(),
        ),
        query(
            "integrations",
            Rule::Needs("integrations:read"),
            |t| list("integrations", t),
            |t| t.integration.clone(),
        ),
        query(
            "run",
            Rule::Needs("runs:read"),
            |t| format!("run(id: \"{}\") {{ id }}", t.run),
            |t| t.run.clone(),
        ),
        query("runs", Rule::Needs("runs:read"), runs, |t| t.run.clone()),
        query(
            "failure",
            Rule::Needs("failures:read"),
            |t| format!("failure(id: \"{}\") {{ id }}", t.failure),
            |t| t.failure.clone(),
        ),
        query("failures", Rule::Needs("failures:read"), |t| list("failures", t), |t| t.failure.clone()),
        query(
            "backfill",
            Rule::Needs("runs:read"),
            |t| format!("backfill(id: \"{}\") {{ id }}", t.backfill),
            |t| t.backfill.clone(),
        ),
        query(
            "failureGroup",
            Rule::Needs("failures:read"),
            |t| format!("failureGroup(id: \"{}\") {{ id }}", t.group),
            |t| t.group.clone(),
        ),
        query(
            "failureGroups",
            Rule::Needs("failures:read"),
            |t| list("failureGroups", t),
            |t| t.group.clone(),
        ),
        query(
            "inbox",
            Rule::Everywhere("failures:read"),
            |_| "inbox(first: 1) { pageInfo { hasNextPage } }".to_owned(),
            |_| "hasNextPage".to_owned(),
        ),
        query(
            "inboxCounts",
            Rule::Everywhere("failures:read"),
            |_| "inboxCounts { critical }".to_owned(),
            |_| "critical".to_owned(),
        ),
        query(
            "quarantine",
            Rule::Needs("failures:read"),
            |t| format!("quarantine(id: \"{}\") {{ id }}", t.quarantine),
            |t| t.quarantine.clone(),
        ),
        query(
            "quarantines",
            Rule::Needs("failures:read"),
            |t| list("quarantines", t),
            |t| t.quarantine.clone(),
        ),
        query(
            "reconciliation",
            Rule::Needs("runs:read"),
            |t| format!("reconciliation(id: \"{}\") {{ id }}", t.reconciliation),
            |t| t.reconciliation.clone(),
        ),
        query(
            "retry",
            Rule::Needs("failures:read"),
            |t| format!("retry(id: \"{}\") {{ id }}", t.retry),
            |t| t.retry.clone(),
        ),
        query(
            "retryPlan",
            Rule::Needs("failures:read"),
            |t| format!("retryPlan(filter: {{runId: \"{}\"}}) {{ total }}", t.run),
            |t| format!("\"total\":{}", t.open_failures),
        ),
    ]
}

/// `node` of each type, with the permission that the type needs.
fn nodes() -> Vec<Operation> {
    fn node(id: &str) -> String {
        format!("node(id: \"{id}\") {{ __typename id }}")
    }
    let row = |of, rule, fields, sought| variant(of, query("node", rule, fields, sought));
    vec![
        row("Tenant", Rule::Needs("tenants:read"), |t| node(&t.tenant), |t| t.tenant.clone()),
        row("User", Rule::Needs("users:read"), |t| node(&t.user), |t| t.user.clone()),
        row("Invitation", Rule::Needs("users:read"), |t| node(&t.invitation), |t| t.invitation.clone()),
        row("ApiKey", Rule::Needs("users:read"), |t| node(&t.api_key), |t| t.api_key.clone()),
        row("PortalKey", Rule::Needs("users:read"), |t| node(&t.portal_key), |t| t.portal_key.clone()),
        row(
            "PortalSession",
            Rule::Needs("portal_sessions:create"),
            |t| node(&t.portal_session),
            |t| t.portal_session.clone(),
        ),
        row("System", Rule::Needs("systems:read"), |t| node(&t.system), |t| t.system.clone()),
        row(
            "Integration",
            Rule::Needs("integrations:read"),
            |t| node(&t.integration),
            |t| t.integration.clone(),
        ),
        row("Run", Rule::Needs("runs:read"), |t| node(&t.run), |t| t.run.clone()),
        row("RunEvent", Rule::Audience("CUSTOMER"), |t| node(&t.event), |t| t.event.clone()),
        row(
            "RunEvent for SUPPORT",
            Rule::Audience("SUPPORT"),
            |t| node(&t.support_event),
            |t| t.support_event.clone(),
        ),
        row(
            "RunEvent for ENGINEER",
            Rule::Audience("ENGINEER"),
            |t| node(&t.engineer_event),
            |t| t.engineer_event.clone(),
        ),
        row("Failure", Rule::Needs("failures:read"), |t| node(&t.failure), |t| t.failure.clone()),
        row("Retry", Rule::Needs("failures:read"), |t| node(&t.retry), |t| t.retry.clone()),
        row("Backfill", Rule::Needs("runs:read"), |t| node(&t.backfill), |t| t.backfill.clone()),
        row("FailureGroup", Rule::Needs("failures:read"), |t| node(&t.group), |t| t.group.clone()),
        row("Quarantine", Rule::Needs("failures:read"), |t| node(&t.quarantine), |t| t.quarantine.clone()),
        row(
            "Reconciliation",
            Rule::Needs("runs:read"),
            |t| node(&t.reconciliation),
            |t| t.reconciliation.clone(),
        ),
        row("Incident", Rule::Needs("incidents:read"), |t| node(&t.incident), |t| t.incident.clone()),
        row("Export", Rule::Needs("exports:manage"), |t| node(&t.export), |t| t.export.clone()),
    ]
}

fn sessions_and_tenants() -> Vec<Operation> {
    vec![
        mutation(
            "signIn",
            Rule::Anyone,
            Fresh::Nothing,
            |t, _| json!({"email": t.email, "password": super::world::PASSWORD}),
        ),
        mutation(
            "refreshSession",
            Rule::Anyone,
            Fresh::Refresh,
            |t, _| json!({"refreshToken": t.refresh_token}),
        ),
        mutation("signOut", Rule::Session, Fresh::Session, |_, _| Value::Null),
        mutation("endSession", Rule::Person, Fresh::Session, |t, _| json!({"sessionId": t.session})),
        mutation("requestPasswordReset", Rule::Anyone, Fresh::User, |t, _| json!({"email": t.email})),
        mutation(
            "resetPassword",
            Rule::Anyone,
            Fresh::PasswordReset,
            |t, _| json!({"token": t.token, "password": super::world::NEW_PASSWORD}),
        ),
        mutation(
            "changeEmail",
            Rule::Person,
            Fresh::Session,
            |t, _| json!({"email": format!("{}@example.com", t.unique()), "password": super::world::PASSWORD}),
        ),
        mutation("confirmEmail", Rule::Anyone, Fresh::EmailConfirmation, |t, _| json!({"token": t.token})),
        mutation(
            "enrollSecondFactor",
            Rule::Person,
            Fresh::Session,
            |_, _| json!({"password": super::world::PASSWORD}),
        ),
        mutation("confirmSecondFactor", Rule::Person, Fresh::Enrolling, |t, _| json!({"code": t.code})),
        mutation(
            "regenerateRecoveryCodes",
            Rule::Person,
            Fresh::Enrolled,
            |t, _| json!({"password": super::world::PASSWORD, "code": t.code}),
        ),
        mutation(
            "disableSecondFactor",
            Rule::Person,
            Fresh::Enrolled,
            |t, _| json!({"password": super::world::PASSWORD, "code": t.code}),
        ),
        // After the others, which sign in by the password that was.
        mutation(
            "changePassword",
            Rule::Person,
            Fresh::Nothing,
            |_, _| json!({"currentPassword": super::world::PASSWORD, "newPassword": super::world::NEW_PASSWORD}),
        ),
        mutation(
            "createTenant",
            Rule::Everywhere("tenants:manage"),
            Fresh::Nothing,
            |t, _| json!({"slug": format!("new-{}", t.unique()), "name": "New"}),
        ),
        mutation(
            "updateTenant",
            Rule::Needs("tenants:manage"),
            Fresh::Tenant,
            |t, _| json!({"tenantId": t.tenant, "name": "Renamed"}),
        ),
        mutation(
            "startSingleSignOn",
            Rule::Anyone,
            Fresh::Nothing,
            |t, _| json!({"identityProviderId": t.identity_provider, "redirectUri": PORTAL}),
        ),
        mutation("finishSingleSignOn", Rule::Anyone, Fresh::Returned, |t, _| {
            serde_json::from_str(&t.token).expect("JSON")
        }),
        mutation(
            "createIdentityProvider",
            Rule::Needs("identity_providers:manage"),
            Fresh::Nothing,
            |t, _| {
                json!({
                    "tenantId": t.tenant, "name": "Another login", "issuer": t.issuer, "clientId": "public",
                    "redirectUris": [PORTAL],
                })
            },
        ),
        mutation(
            "updateIdentityProvider",
            Rule::Needs("identity_providers:manage"),
            Fresh::IdentityProvider,
            |t, _| json!({"identityProviderId": t.identity_provider, "name": "Renamed"}),
        ),
        mutation(
            "deleteIdentityProvider",
            Rule::Needs("identity_providers:manage"),
            Fresh::IdentityProvider,
            |t, _| json!({"identityProviderId": t.identity_provider}),
        ),
        mutation(
            "setTenantRetention",
            Rule::Needs("tenants:manage"),
            Fresh::Tenant,
            |t, _| json!({"tenantId": t.tenant, "kind": "LOG_LINES", "days": 30}),
        ),
        mutation(
            "setSupportAccess",
            Rule::Needs("support_access:manage"),
            Fresh::Nothing,
            |t, _| json!({"tenantId": t.tenant, "allowed": true}),
        ),
        mutation(
            "viewAs",
            Rule::Needs("tenants:view_as"),
            Fresh::Nothing,
            |t, _| json!({"tenantId": t.tenant}),
        ),
        mutation(
            "suspendTenant",
            Rule::Needs("tenants:manage"),
            Fresh::Tenant,
            |t, _| json!({"tenantId": t.tenant, "reason": "the invoice is open"}),
        ),
        mutation(
            "resumeTenant",
            Rule::Needs("tenants:manage"),
            Fresh::Tenant,
            |t, _| json!({"tenantId": t.tenant}),
        ),
    ]
}

fn users_and_keys() -> Vec<Operation> {
    vec![
        mutation("createUser", Rule::Needs("users:manage"), Fresh::Nothing, |t, _| {
            json!({
                "email": format!("new-{}@example.com", t.unique()), "name": "New", "role": "TENANT_ADMIN",
                "tenantId": t.tenant, "password": super::world::PASSWORD,
            })
        }),
        variant(
            "of the staff",
            mutation("createUser", Rule::Staff(Outcome::Forbidden), Fresh::Nothing, |t, _| {
                json!({
                    "email": format!("new-{}@example.com", t.unique()), "name": "New", "role": "SUPPORT",
                    "password": super::world::PASSWORD,
                })
            }),
        ),
        mutation(
            "setUserRole",
            Rule::Needs("users:manage"),
            Fresh::User,
            |t, _| json!({"userId": t.user, "role": "TENANT_ADMIN"}),
        ),
        variant(
            "to the staff",
            mutation(
                "setUserRole",
                Rule::Staff(Outcome::NotFound),
                Fresh::StaffUser,
                |t, _| json!({"userId": t.staff_user, "role": "PLATFORM_ADMIN"}),
            ),
        ),
        mutation("disableUser", Rule::Needs("users:manage"), Fresh::User, |t, _| json!({"userId": t.user})),
        variant(
            "of the staff",
            mutation(
                "disableUser",
                Rule::Staff(Outcome::NotFound),
                Fresh::StaffUser,
                |t, _| json!({"userId": t.staff_user}),
            ),
        ),
        mutation(
            "enableUser",
            Rule::Needs("users:manage"),
            Fresh::DisabledUser,
            |t, _| json!({"userId": t.user}),
        ),
        mutation(
            "setUserPassword",
            Rule::Needs("users:manage"),
            Fresh::User,
            |t, _| json!({"userId": t.user, "password": "another password of many words"}),
        ),
        variant(
            "of the staff",
            mutation(
                "setUserPassword",
                Rule::Staff(Outcome::NotFound),
                Fresh::StaffUser,
                |t, _| json!({"userId": t.staff_user, "password": "another password of many words"}),
            ),
        ),
        mutation(
            "resetSecondFactor",
            Rule::Needs("users:manage"),
            Fresh::SecondFactor,
            |t, _| json!({"userId": t.user}),
        ),
        mutation("inviteUser", Rule::Needs("users:manage"), Fresh::Nothing, |t, _| {
            json!({
                "email": format!("new-{}@example.com", t.unique()), "name": "New", "role": "TENANT_ADMIN",
                "tenantId": t.tenant,
            })
        }),
        variant(
            "of the staff",
            mutation(
                "inviteUser",
                Rule::Staff(Outcome::Forbidden),
                Fresh::Nothing,
                |t, _| json!({"email": format!("new-{}@example.com", t.unique()), "name": "New", "role": "SUPPORT"}),
            ),
        ),
        mutation(
            "resendInvitation",
            Rule::Needs("users:manage"),
            Fresh::Invitation,
            |t, _| json!({"invitationId": t.invitation}),
        ),
        mutation(
            "revokeInvitation",
            Rule::Needs("users:manage"),
            Fresh::Invitation,
            |t, _| json!({"invitationId": t.invitation}),
        ),
        mutation(
            "acceptInvitation",
            Rule::Anyone,
            Fresh::Invitation,
            |t, _| json!({"token": t.token, "password": super::world::PASSWORD}),
        ),
        mutation(
            "createApiKey",
            Rule::Needs("api_keys:manage"),
            Fresh::Nothing,
            |t, _| json!({"name": "New", "scopes": ["runs:read", "records:read"], "tenantIds": [t.tenant]}),
        ),
        mutation(
            "revokeApiKey",
            Rule::Needs("api_keys:manage"),
            Fresh::ApiKey,
            |t, _| json!({"apiKeyId": t.api_key}),
        ),
        mutation(
            "createPortalKey",
            Rule::Needs("api_keys:manage"),
            Fresh::Nothing,
            |t, _| json!({"name": "New", "publicKey": public_key(), "scopes": ["runs:read"], "tenantIds": [t.tenant]}),
        ),
        mutation(
            "revokePortalKey",
            Rule::Needs("api_keys:manage"),
            Fresh::PortalKey,
            |t, _| json!({"portalKeyId": t.portal_key}),
        ),
        mutation(
            "createPortalSession",
            Rule::Needs("portal_sessions:create"),
            Fresh::Nothing,
            |t, _| json!({"tenantId": t.tenant, "endUser": "somebody", "scopes": ["runs:read"]}),
        ),
        mutation(
            "endPortalSession",
            Rule::Needs("portal_sessions:create"),
            Fresh::PortalSession,
            |t, _| json!({"portalSessionId": t.portal_session}),
        ),
        mutation(
            "endPortalSessions",
            Rule::Needs("portal_sessions:create"),
            Fresh::Nothing,
            |t, _| json!({"tenantId": t.tenant, "endUser": "who has none"}),
        ),
    ]
}

fn systems_and_integrations() -> Vec<Operation> {
    vec![
        mutation(
            "createSystem",
            Rule::Needs("systems:write"),
            Fresh::Nothing,
            |t, _| json!({"tenantId": t.tenant, "name": format!("new {}", t.unique()), "connector": "sandbox"}),
        ),
        mutation(
            "updateSystem",
            Rule::Needs("systems:write"),
            Fresh::System,
            |t, _| json!({"systemId": t.system, "name": format!("renamed {}", t.unique())}),
        ),
        mutation(
            "testSystem",
            Rule::Needs("systems:test"),
            Fresh::System,
            |t, _| json!({"systemId": t.system}),
        ),
        mutation(
            "deleteSystem",
            Rule::Needs("systems:write"),
            Fresh::System,
            |t, _| json!({"systemId": t.system}),
        ),
        mutation(
            "createConnectLink",
            Rule::Needs("systems:write"),
            Fresh::Connectable,
            |t, _| json!({"systemId": t.connectable}),
        ),
        mutation(
            "rotateWebhookUrl",
            Rule::Needs("systems:write"),
            Fresh::Nothing,
            |t, _| json!({"systemId": t.receiving}),
        ),
        mutation("createIntegration", Rule::Needs("integrations:write"), Fresh::Nothing, |t, _| {
            json!({
                "tenantId": t.tenant, "name": format!("new {}", t.unique()), "sourceId": t.system,
                "destinationId": t.system, "streams": [{"name": "records", "keyFields": ["id"], "source": {"path": "/a"}, "destination": {"path": "/b"}}],
            })
        }),
        mutation(
            "updateIntegration",
            Rule::Needs("integrations:write"),
            Fresh::Integration,
            |t, _| json!({"integrationId": t.integration, "name": format!("renamed {}", t.unique())}),
        ),
        mutation(
            "pauseIntegration",
            Rule::Needs("integrations:operate"),
            Fresh::Integration,
            |t, _| json!({"integrationId": t.integration, "reason": "wait"}),
        ),
        mutation(
            "resumeIntegration",
            Rule::Needs("integrations:operate"),
            Fresh::PausedIntegration,
            |t, _| json!({"integrationId": t.integration}),
        ),
        mutation("engageKillSwitch", Rule::Needs("kill_switches:manage"), Fresh::Integration, |t, _| {
            json!({
                "scope": "INTEGRATION", "integrationId": t.integration, "reason": "case 4711",
                "messageForCustomers": "We look into it.",
            })
        }),
        mutation(
            "releaseKillSwitch",
            Rule::Needs("kill_switches:manage"),
            Fresh::KillSwitch,
            |t, _| json!({"killSwitchId": t.kill_switch}),
        ),
        mutation(
            "createExport",
            Rule::Needs("exports:manage"),
            Fresh::ExportRoom,
            |t, _| json!({"tenantId": t.tenant, "query": "{ integrations { edges { node { __typename } } } }"}),
        ),
        mutation(
            "cancelExport",
            Rule::Needs("exports:manage"),
            Fresh::Export,
            |t, _| json!({"exportId": t.export}),
        ),
        mutation(
            "createIncident",
            Rule::Everywhere("incidents:manage"),
            Fresh::Nothing,
            |t, _| json!({"title": "case 4711", "systemIds": [t.connectable]}),
        ),
        mutation(
            "updateIncident",
            Rule::Everywhere("incidents:manage"),
            Fresh::Incident,
            |t, _| json!({"incidentId": t.incident, "status": "IDENTIFIED"}),
        ),
        mutation(
            "addIncidentNote",
            Rule::Everywhere("incidents:manage"),
            Fresh::Nothing,
            |t, _| json!({"incidentId": t.incident, "text": "case 4711"}),
        ),
        mutation(
            "resolveIncident",
            Rule::Everywhere("incidents:manage"),
            Fresh::Incident,
            |t, _| json!({"incidentId": t.incident}),
        ),
        mutation(
            "writePostmortem",
            Rule::Everywhere("incidents:manage"),
            Fresh::Incident,
            |t, _| json!({"incidentId": t.incident, "body": "case 4711"}),
        ),
        mutation(
            "createRunbook",
            Rule::Everywhere("runbooks:manage"),
            Fresh::Nothing,
            |_, _| json!({"code": "source.timeout", "title": "Slow", "body": "Wait."}),
        ),
        mutation(
            "updateRunbook",
            Rule::Everywhere("runbooks:manage"),
            Fresh::Runbook,
            |t, _| json!({"runbookId": t.runbook, "version": 2, "title": "Slower"}),
        ),
        mutation(
            "reviewRunbook",
            Rule::Everywhere("runbooks:manage"),
            Fresh::Runbook,
            |t, _| json!({"runbookId": t.runbook, "version": 2}),
        ),
        mutation(
            "deleteRunbook",
            Rule::Everywhere("runbooks:manage"),
            Fresh::Runbook,
            |t, _| json!({"runbookId": t.runbook}),
        ),
        mutation("setWordOverride", Rule::Everywhere("words:manage"), Fresh::Nothing, |_, _| {
            json!({
                "code": "platform.stalled", "part": "ACTION", "audience": "ENGINEER", "locale": "de",
                "text": "Sehen Sie nach.",
            })
        }),
        mutation(
            "removeWordOverride",
            Rule::Everywhere("words:manage"),
            Fresh::Nothing,
            |_, _| json!({"code": "platform.stalled", "part": "ACTION", "audience": "ENGINEER", "locale": "de"}),
        ),
        mutation(
            "replayNotice",
            Rule::Needs("notices:manage"),
            Fresh::Nothing,
            |t, _| json!({"noticeId": t.notice}),
        ),
        mutation("createNoticeChannel", Rule::Needs("notices:manage"), Fresh::Nothing, |t, _| {
            json!({
                "tenantId": t.tenant, "name": "new", "kind": "WEBHOOK", "url": "https://receiver.example/new",
            })
        }),
        mutation(
            "updateNoticeChannel",
            Rule::Needs("notices:manage"),
            Fresh::NoticeChannel,
            |t, _| json!({"channelId": t.notice_channel, "name": "renamed"}),
        ),
        mutation(
            "rotateNoticeChannelSecret",
            Rule::Needs("notices:manage"),
            Fresh::Nothing,
            |t, _| json!({"channelId": t.notice_webhook}),
        ),
        mutation(
            "deleteNoticeChannel",
            Rule::Needs("notices:manage"),
            Fresh::NoticeChannel,
            |t, _| json!({"channelId": t.notice_channel}),
        ),
        mutation(
            "testNoticeChannel",
            Rule::Needs("notices:manage"),
            Fresh::NoticeChannel,
            |t, _| json!({"channelId": t.notice_channel}),
        ),
        mutation(
            "createNoticePolicy",
            Rule::Needs("notices:manage"),
            Fresh::NoticeChannel,
            |t, _| json!({"tenantId": t.tenant, "name": "new", "channelIds": [t.notice_channel], "isEnabled": false}),
        ),
        mutation(
            "updateNoticePolicy",
            Rule::Needs("notices:manage"),
            Fresh::NoticePolicy,
            |t, _| json!({"policyId": t.notice_policy, "name": "renamed"}),
        ),
        mutation(
            "deleteNoticePolicy",
            Rule::Needs("notices:manage"),
            Fresh::NoticePolicy,
            |t, _| json!({"policyId": t.notice_policy}),
        ),
        mutation("createEscalationPolicy", Rule::Everywhere("escalations:manage"), Fresh::Nothing, |_, _| {
            json!({
                "name": "new", "isEnabled": false, "steps": [{"afterSeconds": 7_000_000, "party": "SUPPORT"}],
            })
        }),
        mutation(
            "updateEscalationPolicy",
            Rule::Everywhere("escalations:manage"),
            Fresh::EscalationPolicy,
            |t, _| json!({"policyId": t.escalation_policy, "version": 1, "name": "renamed"}),
        ),
        mutation(
            "deleteEscalationPolicy",
            Rule::Everywhere("escalations:manage"),
            Fresh::EscalationPolicy,
            |t, _| json!({"policyId": t.escalation_policy}),
        ),
        mutation(
            "createContact",
            Rule::Needs("contacts:manage"),
            Fresh::Nothing,
            |t, _| json!({"tenantId": t.tenant, "kind": "TEAM", "name": "new", "email": "new@example.com"}),
        ),
        mutation(
            "updateContact",
            Rule::Needs("contacts:manage"),
            Fresh::Contact,
            |t, _| json!({"contactId": t.contact, "version": 1, "name": "renamed"}),
        ),
        mutation(
            "deleteContact",
            Rule::Needs("contacts:manage"),
            Fresh::Contact,
            |t, _| json!({"contactId": t.contact}),
        ),
        mutation(
            "setIntegrationContacts",
            Rule::Needs("integrations:write"),
            Fresh::Contact,
            |t, _| json!({"integrationId": t.integration, "businessSponsorId": t.contact}),
        ),
        mutation("createOwnershipRule", Rule::Needs("ownership_rules:manage"), Fresh::Nothing, |t, _| {
            json!({
                "tenantId": t.tenant, "name": "new", "contactId": t.contact,
                "selectors": {"codes": ["platform.internal"]},
            })
        }),
        mutation(
            "updateOwnershipRule",
            Rule::Needs("ownership_rules:manage"),
            Fresh::OwnershipRule,
            |t, _| json!({"ruleId": t.ownership_rule, "version": 1, "name": "renamed"}),
        ),
        mutation(
            "deleteOwnershipRule",
            Rule::Needs("ownership_rules:manage"),
            Fresh::OwnershipRule,
            |t, _| json!({"ruleId": t.ownership_rule}),
        ),
        mutation(
            "resetCursor",
            Rule::Needs("integrations:write"),
            Fresh::Nothing,
            |t, _| json!({"integrationId": t.incremental, "stream": "records", "to": 1, "reason": "case 4711"}),
        ),
        mutation(
            "setHealthTargets",
            Rule::Needs("integrations:write"),
            Fresh::Nothing,
            |t, _| json!({"integrationId": t.integration, "runSuccessPercent": 98.5}),
        ),
        mutation("setKpis", Rule::Needs("integrations:write"), Fresh::Integration, |t, _| {
            json!({"integrationId": t.integration, "kpis": [
                {"key": "records", "name": "Records", "unit": "records", "stream": "records", "kind": "COUNT"},
            ]})
        }),
        mutation(
            "setSyntheticCheck",
            Rule::Needs("integrations:write"),
            Fresh::Nothing,
            |t, _| json!({"integrationId": t.integration, "stream": "records", "record": {"id": "{synthetic}"}, "remove": false}),
        ),
        mutation(
            "runSyntheticCheck",
            Rule::Needs("integrations:operate"),
            Fresh::Nothing,
            |t, _| json!({"integrationId": t.proven}),
        ),
        mutation(
            "removeSyntheticCheck",
            Rule::Needs("integrations:write"),
            Fresh::SyntheticCheck,
            |t, _| json!({"integrationId": t.proven}),
        ),
        mutation(
            "sampleRecords",
            Rule::Needs("records:read"),
            Fresh::Integration,
            |t, _| json!({"integrationId": t.integration, "stream": "records", "first": 1}),
        ),
        mutation(
            "previewMapping",
            Rule::Needs("integrations:write"),
            Fresh::Integration,
            |t, _| json!({"integrationId": t.integration, "stream": "records", "records": [{"id": "1"}]}),
        ),
        mutation(
            "archiveIntegration",
            Rule::Needs("integrations:write"),
            Fresh::Integration,
            |t, _| json!({"integrationId": t.integration}),
        ),
    ]
}

fn runs_and_failures() -> Vec<Operation> {
    vec![
        mutation(
            "startRun",
            Rule::Needs("runs:start"),
            Fresh::Nothing,
            |t, _| json!({"integrationId": t.integration}),
        ),
        mutation(
            "startRuns",
            Rule::Needs("runs:start"),
            Fresh::Nothing,
            |t, _| json!({"integrationIds": [t.integration]}),
        ),
        mutation(
            "startBackfill",
            Rule::Needs("runs:start"),
            Fresh::Nothing,
            |t, _| json!({"integrationId": t.incremental, "stream": "records", "from": 1, "to": 2}),
        ),
        mutation(
            "cancelBackfill",
            Rule::Needs("runs:start"),
            Fresh::Backfill,
            |t, _| json!({"backfillId": t.backfill}),
        ),
        mutation(
            "reconcileIntegration",
            Rule::Needs("runs:start"),
            Fresh::Nothing,
            |t, _| json!({"integrationId": t.integration}),
        ),
        mutation(
            "repairReconciliation",
            Rule::Needs("failures:retry"),
            Fresh::Reconciliation,
            |t, _| json!({"reconciliationId": t.reconciliation}),
        ),
        mutation("cancelRun", Rule::Needs("runs:start"), Fresh::Run, |t, _| json!({"runId": t.run})),
        mutation(
            "retryRun",
            Rule::Needs("runs:start"),
            Fresh::Nothing,
            |t, _| json!({"runId": t.run, "scope": "ALL_RECORDS"}),
        ),
        mutation(
            "retryFailures",
            Rule::Needs("failures:retry"),
            Fresh::Failure,
            |t, _| json!({"failureIds": [t.failure]}),
        ),
        mutation(
            "editAndRetryFailure",
            Rule::Needs("failures:edit"),
            Fresh::Failure,
            |t, _| json!({"failureId": t.failure, "record": {"id": "R-1", "email": "new@example.com"}}),
        ),
        mutation(
            "skipFailures",
            Rule::Needs("failures:skip"),
            Fresh::Failure,
            |t, _| json!({"failureIds": [t.failure], "reason": "not needed"}),
        ),
        mutation(
            "acknowledgeFailureGroup",
            Rule::Needs("failure_groups:manage"),
            Fresh::FailureGroup,
            |t, _| json!({"groupId": t.group}),
        ),
        mutation(
            "snoozeFailureGroup",
            Rule::Needs("failure_groups:manage"),
            Fresh::FailureGroup,
            |t, _| json!({"groupId": t.group, "failures": 7}),
        ),
        mutation(
            "resolveFailureGroup",
            Rule::Needs("failure_groups:manage"),
            Fresh::FailureGroup,
            |t, _| json!({"groupId": t.group, "note": "case 4711"}),
        ),
        mutation(
            "ignoreFailureGroup",
            Rule::Needs("failure_groups:dismiss"),
            Fresh::FailureGroup,
            |t, _| json!({"groupId": t.group, "note": "case 4711"}),
        ),
        mutation(
            "reopenFailureGroup",
            Rule::Needs("failure_groups:manage"),
            Fresh::DecidedGroup,
            |t, _| json!({"groupId": t.group}),
        ),
        mutation(
            "handOverFailureGroup",
            Rule::Needs("failure_groups:manage"),
            Fresh::FailureGroup,
            |t, _| json!({"groupId": t.group, "to": "SUPPORT", "note": "case 4711"}),
        ),
        mutation(
            "assignFailureGroup",
            Rule::Needs("failure_groups:manage"),
            Fresh::Assignable,
            |t, _| json!({"groupId": t.group, "contactId": t.contact, "note": "case 4711"}),
        ),
        mutation(
            "commentFailureGroup",
            Rule::Needs("failure_groups:manage"),
            Fresh::Nothing,
            |t, _| json!({"groupId": t.group, "text": "case 4711"}),
        ),
        mutation(
            "mergeFailureGroups",
            Rule::Needs("failure_groups:dismiss"),
            Fresh::MergeableGroup,
            |t, _| json!({"groupId": t.group, "mergeIds": [t.other_group]}),
        ),
        mutation(
            "releaseQuarantine",
            Rule::Needs("failures:retry"),
            Fresh::Quarantine,
            |t, _| json!({"quarantineId": t.quarantine, "note": "case 4711"}),
        ),
        mutation(
            "discardQuarantine",
            Rule::Needs("failures:skip"),
            Fresh::Quarantine,
            |t, _| json!({"quarantineId": t.quarantine, "note": "case 4711"}),
        ),
        mutation(
            "cancelRetry",
            Rule::Needs("failures:retry"),
            Fresh::Retry,
            |t, _| json!({"retryId": t.retry}),
        ),
        mutation(
            "revealRecord",
            Rule::Needs("records:reveal"),
            Fresh::Nothing,
            |t, _| json!({"failureId": t.failure, "reason": "case 4711"}),
        ),
    ]
}

fn subscriptions() -> Vec<Operation> {
    vec![
        subscription(
            "runChanged",
            Rule::Needs("runs:read"),
            |t| format!("runChanged(runId: \"{}\") {{ id }}", t.run),
            true,
        ),
        variant(
            "of an integration",
            subscription(
                "runChanged",
                Rule::Needs("runs:read"),
                |t| format!("runChanged(integrationId: \"{}\") {{ id }}", t.integration),
                false,
            ),
        ),
        subscription(
            "failureChanged",
            Rule::Needs("failures:read"),
            |t| format!("failureChanged(integrationId: \"{}\") {{ id }}", t.integration),
            false,
        ),
        subscription(
            "failureGroupChanged",
            Rule::Needs("failures:read"),
            |t| format!("failureGroupChanged(integrationId: \"{}\") {{ id }}", t.integration),
            false,
        ),
        subscription(
            "healthChanged",
            Rule::Needs("runs:read"),
            |t| format!("healthChanged(integrationId: \"{}\") {{ status }}", t.integration),
            false,
        ),
        subscription(
            "retryChanged",
            Rule::Needs("failures:read"),
            |t| format!("retryChanged(retryId: \"{}\") {{ id }}", t.retry),
            true,
        ),
    ]
}

//! What each operation needs, written into the schema's descriptions from the permission table; introspection leaves
//! out what the viewer may not use. Nothing is guarded here: the domain authorizes, and a test compares the two.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaField, MetaType, Registry};
use async_graphql::resolver_utils::enum_value;
use async_graphql::{Context, ContextSelectionSet, OutputType, Positioned, ServerResult, Value};
use async_trait::async_trait;
use domain::permission::Grant;
use domain::{Permission, Principal};

use super::caller::actor;
use super::viewer::Role;

/// What a field needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing, not even to be signed in.
    Anyone,
    /// To be signed in.
    SignedIn,
    /// To be a person who is signed in: no API key, no portal session.
    Person,
    /// A permission.
    Needs(Permission),
}

/// Each operation, and each nested field that needs another permission than the object it is of.
pub const OPERATIONS: &[(&str, &str, Access)] = &[
    ("Query", "viewer", Access::SignedIn),
    ("Query", "node", Access::SignedIn),
    ("Query", "tenant", Access::Needs(Permission::TenantRead)),
    ("Query", "tenants", Access::Needs(Permission::TenantRead)),
    ("Query", "user", Access::Needs(Permission::UserRead)),
    ("Query", "users", Access::Needs(Permission::UserRead)),
    ("Query", "invitations", Access::Needs(Permission::UserRead)),
    ("Query", "apiKeys", Access::Needs(Permission::UserRead)),
    ("Query", "portalKeys", Access::Needs(Permission::UserRead)),
    ("Query", "portalSessions", Access::Needs(Permission::PortalSessionCreate)),
    ("Query", "connectors", Access::Needs(Permission::SystemRead)),
    ("Query", "system", Access::Needs(Permission::SystemRead)),
    ("Query", "systems", Access::Needs(Permission::SystemRead)),
    ("Query", "integration", Access::Needs(Permission::IntegrationRead)),
    ("Query", "integrations", Access::Needs(Permission::IntegrationRead)),
    ("Query", "run", Access::Needs(Permission::RunRead)),
    ("Query", "runs", Access::Needs(Permission::RunRead)),
    ("Query", "backfill", Access::Needs(Permission::RunRead)),
    ("Query", "reconciliation", Access::Needs(Permission::RunRead)),
    ("Query", "failure", Access::Needs(Permission::FailureRead)),
    ("Query", "failures", Access::Needs(Permission::FailureRead)),
    ("Query", "failureGroup", Access::Needs(Permission::FailureRead)),
    ("Query", "failureGroups", Access::Needs(Permission::FailureRead)),
    ("Query", "inbox", Access::Needs(Permission::FailureRead)),
    ("Query", "inboxCounts", Access::Needs(Permission::FailureRead)),
    ("Query", "quarantine", Access::Needs(Permission::FailureRead)),
    ("Query", "quarantines", Access::Needs(Permission::FailureRead)),
    ("Query", "platformHealth", Access::Needs(Permission::DiagnosticsRead)),
    ("Query", "retry", Access::Needs(Permission::FailureRead)),
    ("Query", "retryPlan", Access::Needs(Permission::FailureRead)),
    ("Query", "identityProviders", Access::Needs(Permission::IdentityProviderManage)),
    ("Query", "incident", Access::Needs(Permission::IncidentRead)),
    ("Query", "incidents", Access::Needs(Permission::IncidentRead)),
    ("Query", "killSwitches", Access::Needs(Permission::KillSwitchManage)),
    ("Query", "runbook", Access::Needs(Permission::RunbookRead)),
    ("Query", "runbooks", Access::Needs(Permission::RunbookRead)),
    ("Query", "runbookVersions", Access::Needs(Permission::RunbookRead)),
    ("Query", "words", Access::Needs(Permission::WordManage)),
    ("Query", "notice", Access::Needs(Permission::NoticeRead)),
    ("Query", "notices", Access::Needs(Permission::NoticeRead)),
    ("Query", "noticeDeliveries", Access::Needs(Permission::NoticeRead)),
    ("Query", "noticeChannels", Access::Needs(Permission::NoticeRead)),
    ("Query", "noticePolicies", Access::Needs(Permission::NoticeRead)),
    ("Query", "escalationPolicies", Access::Needs(Permission::EscalationRead)),
    ("Query", "slaReport", Access::Needs(Permission::EscalationRead)),
    ("Query", "contacts", Access::Needs(Permission::ContactRead)),
    ("Query", "ownershipRules", Access::Needs(Permission::OwnershipRuleManage)),
    ("Query", "ownershipRuleMatches", Access::Needs(Permission::OwnershipRuleManage)),
    ("Query", "auditEntries", Access::Needs(Permission::AuditRead)),
    ("Query", "export", Access::Needs(Permission::ExportManage)),
    ("Query", "exports", Access::Needs(Permission::ExportManage)),
    ("Mutation", "signIn", Access::Anyone),
    ("Mutation", "refreshSession", Access::Anyone),
    ("Mutation", "signOut", Access::SignedIn),
    ("Mutation", "endSession", Access::Person),
    ("Mutation", "changePassword", Access::Person),
    ("Mutation", "requestPasswordReset", Access::Anyone),
    ("Mutation", "resetPassword", Access::Anyone),
    ("Mutation", "changeEmail", Access::Person),
    ("Mutation", "confirmEmail", Access::Anyone),
    ("Mutation", "enrollSecondFactor", Access::Person),
    ("Mutation", "confirmSecondFactor", Access::Person),
    ("Mutation", "regenerateRecoveryCodes", Access::Person),
    ("Mutation", "disableSecondFactor", Access::Person),
    ("Mutation", "resetSecondFactor", Access::Needs(Permission::UserManage)),
    ("Mutation", "inviteUser", Access::Needs(Permission::UserManage)),
    ("Mutation", "resendInvitation", Access::Needs(Permission::UserManage)),
    ("Mutation", "revokeInvitation", Access::Needs(Permission::UserManage)),
    ("Mutation", "acceptInvitation", Access::Anyone),
    ("Mutation", "createTenant", Access::Needs(Permission::TenantManage)),
    ("Mutation", "updateTenant", Access::Needs(Permission::TenantManage)),
    ("Mutation", "startSingleSignOn", Access::Anyone),
    ("Mutation", "finishSingleSignOn", Access::Anyone),
    ("Mutation", "createIdentityProvider", Access::Needs(Permission::IdentityProviderManage)),
    ("Mutation", "updateIdentityProvider", Access::Needs(Permission::IdentityProviderManage)),
    ("Mutation", "deleteIdentityProvider", Access::Needs(Permission::IdentityProviderManage)),
    ("Mutation", "setTenantRetention", Access::Needs(Permission::TenantManage)),
    ("Mutation", "setSupportAccess", Access::Needs(Permission::SupportAccessManage)),
    ("Mutation", "viewAs", Access::Needs(Permission::TenantViewAs)),
    ("Mutation", "suspendTenant", Access::Needs(Permission::TenantManage)),
    ("Mutation", "resumeTenant", Access::Needs(Permission::TenantManage)),
    ("Mutation", "createUser", Access::Needs(Permission::UserManage)),
    ("Mutation", "setUserRole", Access::Needs(Permission::UserManage)),
    ("Mutation", "disableUser", Access::Needs(Permission::UserManage)),
    ("Mutation", "enableUser", Access::Needs(Permission::UserManage)),
    ("Mutation", "setUserPassword", Access::Needs(Permission::UserManage)),
    ("Mutation", "createApiKey", Access::Needs(Permission::ApiKeyManage)),
    ("Mutation", "revokeApiKey", Access::Needs(Permission::ApiKeyManage)),
    ("Mutation", "createPortalKey", Access::Needs(Permission::ApiKeyManage)),
    ("Mutation", "revokePortalKey", Access::Needs(Permission::ApiKeyManage)),
    ("Mutation", "createPortalSession", Access::Needs(Permission::PortalSessionCreate)),
    ("Mutation", "endPortalSession", Access::Needs(Permission::PortalSessionCreate)),
    ("Mutation", "endPortalSessions", Access::Needs(Permission::PortalSessionCreate)),
    ("Mutation", "createSystem", Access::Needs(Permission::SystemWrite)),
    ("Mutation", "updateSystem", Access::Needs(Permission::SystemWrite)),
    ("Mutation", "testSystem", Access::Needs(Permission::SystemTest)),
    ("Mutation", "deleteSystem", Access::Needs(Permission::SystemWrite)),
    ("Mutation", "createConnectLink", Access::Needs(Permission::SystemWrite)),
    ("Mutation", "rotateWebhookUrl", Access::Needs(Permission::SystemWrite)),
    ("Mutation", "createIntegration", Access::Needs(Permission::IntegrationWrite)),
    ("Mutation", "updateIntegration", Access::Needs(Permission::IntegrationWrite)),
    ("Mutation", "pauseIntegration", Access::Needs(Permission::IntegrationOperate)),
    ("Mutation", "resumeIntegration", Access::Needs(Permission::IntegrationOperate)),
    ("Mutation", "sampleRecords", Access::Needs(Permission::RecordRead)),
    ("Mutation", "previewMapping", Access::Needs(Permission::IntegrationWrite)),
    ("Mutation", "archiveIntegration", Access::Needs(Permission::IntegrationWrite)),
    ("Mutation", "resetCursor", Access::Needs(Permission::IntegrationWrite)),
    ("Mutation", "setHealthTargets", Access::Needs(Permission::IntegrationWrite)),
    ("Mutation", "setKpis", Access::Needs(Permission::IntegrationWrite)),
    ("Mutation", "setSyntheticCheck", Access::Needs(Permission::IntegrationWrite)),
    ("Mutation", "removeSyntheticCheck", Access::Needs(Permission::IntegrationWrite)),
    ("Mutation", "runSyntheticCheck", Access::Needs(Permission::IntegrationOperate)),
    ("Mutation", "startBackfill", Access::Needs(Permission::RunStart)),
    ("Mutation", "cancelBackfill", Access::Needs(Permission::RunStart)),
    ("Mutation", "reconcileIntegration", Access::Needs(Permission::RunStart)),
    ("Mutation", "repairReconciliation", Access::Needs(Permission::FailureRetry)),
    ("Mutation", "startRun", Access::Needs(Permission::RunStart)),
    ("Mutation", "startRuns", Access::Needs(Permission::RunStart)),
    ("Mutation", "cancelRun", Access::Needs(Permission::RunStart)),
    ("Mutation", "retryRun", Access::Needs(Permission::RunStart)),
    ("Mutation", "retryFailures", Access::Needs(Permission::FailureRetry)),
    ("Mutation", "editAndRetryFailure", Access::Needs(Permission::FailureEdit)),
    ("Mutation", "skipFailures", Access::Needs(Permission::FailureSkip)),
    ("Mutation", "acknowledgeFailureGroup", Access::Needs(Permission::FailureGroupManage)),
    ("Mutation", "snoozeFailureGroup", Access::Needs(Permission::FailureGroupManage)),
    ("Mutation", "resolveFailureGroup", Access::Needs(Permission::FailureGroupManage)),
    ("Mutation", "ignoreFailureGroup", Access::Needs(Permission::FailureGroupDismiss)),
    ("Mutation", "reopenFailureGroup", Access::Needs(Permission::FailureGroupManage)),
    ("Mutation", "handOverFailureGroup", Access::Needs(Permission::FailureGroupManage)),
    ("Mutation", "commentFailureGroup", Access::Needs(Permission::FailureGroupManage)),
    ("Mutation", "mergeFailureGroups", Access::Needs(Permission::FailureGroupDismiss)),
    ("Mutation", "releaseQuarantine", Access::Needs(Permission::FailureRetry)),
    ("Mutation", "discardQuarantine", Access::Needs(Permission::FailureSkip)),
    ("Mutation", "revealRecord", Access::Needs(Permission::RecordReveal)),
    ("Mutation", "cancelRetry", Access::Needs(Permission::FailureRetry)),
    ("Mutation", "createIncident", Access::Needs(Permission::IncidentManage)),
    ("Mutation", "updateIncident", Access::Needs(Permission::IncidentManage)),
    ("Mutation", "addIncidentNote", Access::Needs(Permission::IncidentManage)),
    ("Mutation", "resolveIncident", Access::Needs(Permission::IncidentManage)),
    ("Mutation", "writePostmortem", Access::Needs(Permission::IncidentManage)),
    ("Mutation", "engageKillSwitch", Access::Needs(Permission::KillSwitchManage)),
    ("Mutation", "releaseKillSwitch", Access::Needs(Permission::KillSwitchManage)),
    ("Mutation", "createRunbook", Access::Needs(Permission::RunbookManage)),
    ("Mutation", "updateRunbook", Access::Needs(Permission::RunbookManage)),
    ("Mutation", "reviewRunbook", Access::Needs(Permission::RunbookManage)),
    ("Mutation", "deleteRunbook", Access::Needs(Permission::RunbookManage)),
    ("Mutation", "setWordOverride", Access::Needs(Permission::WordManage)),
    ("Mutation", "removeWordOverride", Access::Needs(Permission::WordManage)),
    ("Mutation", "replayNotice", Access::Needs(Permission::NoticeManage)),
    ("Mutation", "createNoticeChannel", Access::Needs(Permission::NoticeManage)),
    ("Mutation", "updateNoticeChannel", Access::Needs(Permission::NoticeManage)),
    ("Mutation", "rotateNoticeChannelSecret", Access::Needs(Permission::NoticeManage)),
    ("Mutation", "deleteNoticeChannel", Access::Needs(Permission::NoticeManage)),
    ("Mutation", "testNoticeChannel", Access::Needs(Permission::NoticeManage)),
    ("Mutation", "createNoticePolicy", Access::Needs(Permission::NoticeManage)),
    ("Mutation", "updateNoticePolicy", Access::Needs(Permission::NoticeManage)),
    ("Mutation", "deleteNoticePolicy", Access::Needs(Permission::NoticeManage)),
    ("Mutation", "createEscalationPolicy", Access::Needs(Permission::EscalationManage)),
    ("Mutation", "updateEscalationPolicy", Access::Needs(Permission::EscalationManage)),
    ("Mutation", "deleteEscalationPolicy", Access::Needs(Permission::EscalationManage)),
    ("Mutation", "createContact", Access::Needs(Permission::ContactManage)),
    ("Mutation", "updateContact", Access::Needs(Permission::ContactManage)),
    ("Mutation", "deleteContact", Access::Needs(Permission::ContactManage)),
    ("Mutation", "setIntegrationContacts", Access::Needs(Permission::IntegrationWrite)),
    ("Mutation", "assignFailureGroup", Access::Needs(Permission::FailureGroupManage)),
    ("Mutation", "createOwnershipRule", Access::Needs(Permission::OwnershipRuleManage)),
    ("Mutation", "updateOwnershipRule", Access::Needs(Permission::OwnershipRuleManage)),
    ("Mutation", "deleteOwnershipRule", Access::Needs(Permission::OwnershipRuleManage)),
    ("Mutation", "createExport", Access::Needs(Permission::ExportManage)),
    ("Mutation", "cancelExport", Access::Needs(Permission::ExportManage)),
    ("Subscription", "runChanged", Access::Needs(Permission::RunRead)),
    ("Subscription", "failureChanged", Access::Needs(Permission::FailureRead)),
    ("Subscription", "failureGroupChanged", Access::Needs(Permission::FailureRead)),
    ("Subscription", "healthChanged", Access::Needs(Permission::RunRead)),
    ("Subscription", "retryChanged", Access::Needs(Permission::FailureRead)),
    ("Viewer", "sessions", Access::Person),
    ("Viewer", "recoveryCodesLeft", Access::Person),
    ("Tenant", "integrations", Access::Needs(Permission::IntegrationRead)),
    ("Tenant", "runs", Access::Needs(Permission::RunRead)),
    ("Tenant", "failures", Access::Needs(Permission::FailureRead)),
    ("Tenant", "failureGroups", Access::Needs(Permission::FailureRead)),
    ("Tenant", "health", Access::Needs(Permission::RunRead)),
    ("Tenant", "systems", Access::Needs(Permission::SystemRead)),
    ("Integration", "source", Access::Needs(Permission::SystemRead)),
    ("Integration", "destination", Access::Needs(Permission::SystemRead)),
    ("Integration", "backfills", Access::Needs(Permission::RunRead)),
    ("Integration", "reconciliations", Access::Needs(Permission::RunRead)),
    ("Integration", "latestReconciliation", Access::Needs(Permission::RunRead)),
    ("Reconciliation", "repairedBy", Access::Needs(Permission::FailureRead)),
    ("ReconciliationDifference", "failure", Access::Needs(Permission::FailureRead)),
    ("Integration", "runs", Access::Needs(Permission::RunRead)),
    ("Integration", "failureGroups", Access::Needs(Permission::FailureRead)),
    ("Integration", "quarantines", Access::Needs(Permission::FailureRead)),
    ("Integration", "health", Access::Needs(Permission::RunRead)),
    ("Integration", "healthAlerts", Access::Needs(Permission::RunRead)),
    ("Kpi", "measured", Access::Needs(Permission::RunRead)),
    ("KpiMeasurement", "least", Access::Needs(Permission::RecordRead)),
    ("KpiMeasurement", "most", Access::Needs(Permission::RecordRead)),
    ("Kpi", "series", Access::Needs(Permission::RunRead)),
    ("Kpi", "status", Access::Needs(Permission::RunRead)),
    ("NoticeChannel", "addresses", Access::Needs(Permission::UserRead)),
    ("NoticeDelivery", "recipient", Access::Needs(Permission::UserRead)),
    ("Integration", "failures", Access::Needs(Permission::FailureRead)),
    ("Integration", "contacts", Access::Needs(Permission::ContactRead)),
    ("FailureGroup", "assignee", Access::Needs(Permission::ContactRead)),
    ("Stream", "cursor", Access::Needs(Permission::RunRead)),
    ("SchemaChange", "run", Access::Needs(Permission::RunRead)),
    ("IntegrationHold", "failure", Access::Needs(Permission::FailureRead)),
    ("Run", "failure", Access::Needs(Permission::FailureRead)),
    ("Run", "quarantines", Access::Needs(Permission::FailureRead)),
    ("Run", "failures", Access::Needs(Permission::FailureRead)),
    ("Run", "logs", Access::Needs(Permission::InternalsRead)),
    ("FailureClues", "logs", Access::Needs(Permission::InternalsRead)),
    ("FailureClues", "nearbyLogs", Access::Needs(Permission::InternalsRead)),
    ("FailureClues", "metrics", Access::Needs(Permission::DiagnosticsRead)),
    ("FailureClues", "traceId", Access::Needs(Permission::InternalsRead)),
    ("FailureClues", "traceUrl", Access::Needs(Permission::InternalsRead)),
    ("Run", "metrics", Access::Needs(Permission::DiagnosticsRead)),
    ("RunMetrics", "peakMemoryBytes", Access::Needs(Permission::InternalsRead)),
    ("Run", "traceId", Access::Needs(Permission::InternalsRead)),
    ("RunSlice", "worker", Access::Needs(Permission::InternalsRead)),
    ("Failure", "httpStatus", Access::Needs(Permission::DiagnosticsRead)),
    ("Failure", "technicalDetail", Access::Needs(Permission::InternalsRead)),
    ("Failure", "exchange", Access::Needs(Permission::InternalsRead)),
    ("Failure", "runbooks", Access::Needs(Permission::RunbookRead)),
    ("FailureGroup", "reason", Access::Needs(Permission::InternalsRead)),
    ("FailureGroup", "escalation", Access::Needs(Permission::EscalationRead)),
    ("SlaClock", "spentSeconds", Access::Needs(Permission::EscalationRead)),
    ("SlaClock", "targetSeconds", Access::Needs(Permission::EscalationRead)),
    ("SlaClock", "warnedAt", Access::Needs(Permission::EscalationRead)),
    ("SlaClock", "endedBy", Access::Needs(Permission::EscalationRead)),
    ("Failure", "record", Access::Needs(Permission::RecordRead)),
    ("FailureGroup", "incident", Access::Needs(Permission::IncidentRead)),
    ("AffectedSystem", "system", Access::Needs(Permission::SystemRead)),
    ("Incident", "host", Access::Needs(Permission::IncidentManage)),
    ("Incident", "connectorName", Access::Needs(Permission::IncidentManage)),
    ("Incident", "fault", Access::Needs(Permission::IncidentManage)),
    ("Incident", "severity", Access::Needs(Permission::IncidentManage)),
    ("Incident", "commander", Access::Needs(Permission::IncidentManage)),
    ("Incident", "tenantCount", Access::Needs(Permission::IncidentManage)),
    ("Incident", "systemCount", Access::Needs(Permission::IncidentManage)),
    ("Incident", "createdBy", Access::Needs(Permission::IncidentManage)),
    ("Incident", "postmortem", Access::Needs(Permission::IncidentManage)),
];

/// What the arguments of every connection mean.
const CONNECTION_ARGUMENTS: [(&str, &str); 6] = [
    (
        "first",
        "Objects from the beginning, or behind `after`: 1 to 100; 20 by default. Not together with `last`.",
    ),
    ("after", "Cursor to begin behind."),
    ("last", "Objects from the end, or ahead of `before`: 1 to 100. Not together with `first`."),
    ("before", "Cursor to end ahead of."),
    ("filter", "Which objects; all by default."),
    ("orderBy", "In which order; newest first by default."),
];

impl Access {
    /// For the description of a field.
    pub fn sentence(self) -> String {
        match self {
            Self::Anyone => "Needs no sign-in.".to_owned(),
            Self::SignedIn => "For everybody who is signed in.".to_owned(),
            Self::Person => "For people who are signed in; not for API keys and portal sessions.".to_owned(),
            Self::Needs(permission) => {
                let with = |wanted: Grant| {
                    let roles = permission.roles().filter(move |(_role, grant)| *grant == wanted);
                    roles.map(|(role, _grant)| name(role)).collect::<Vec<_>>()
                };
                let mut sentence =
                    format!("Needs `{}`: {}", permission.name(), with(Grant::Always).join(", "));
                let scoped = with(Grant::Scope);
                if !scoped.is_empty() {
                    sentence.push_str(&format!("; with that scope {}", scoped.join(", ")));
                }
                sentence.push('.');
                sentence
            }
        }
    }
}

/// Whether introspection shows something to a viewer: async-graphql takes a plain function for each field. Nobody in
/// particular sees everything, as in the published schema: their tools ask before they sign in.
type Visible = fn(&Context<'_>) -> bool;

impl Access {
    fn visible(self) -> Option<Visible> {
        match self {
            Self::Anyone | Self::SignedIn => None,
            Self::Person => Some(may_be_person),
            Self::Needs(permission) => Some(MAY[permission as usize]),
        }
    }
}

/// For each permission, in their order, whether the viewer has it.
const MAY: [Visible; Permission::ALL.len()] = [
    may::<0>, may::<1>, may::<2>, may::<3>, may::<4>, may::<5>, may::<6>, may::<7>, may::<8>, may::<9>,
    may::<10>, may::<11>, may::<12>, may::<13>, may::<14>, may::<15>, may::<16>, may::<17>, may::<18>,
    may::<19>, may::<20>, may::<21>, may::<22>, may::<23>, may::<24>, may::<25>, may::<26>, may::<27>,
    may::<28>, may::<29>, may::<30>, may::<31>, may::<32>, may::<33>, may::<34>, may::<35>, may::<36>,
    may::<37>, may::<38>, may::<39>, may::<40>, may::<41>, may::<42>, may::<43>,
];

fn may<const INDEX: usize>(ctx: &Context<'_>) -> bool {
    actor(ctx)
        .is_ok_and(|actor| *actor.principal() == Principal::Anonymous || actor.may(Permission::ALL[INDEX]))
}

fn may_be_person(ctx: &Context<'_>) -> bool {
    actor(ctx).is_ok_and(|actor| matches!(actor.principal(), Principal::Anonymous | Principal::User { .. }))
}

/// The role as the API spells it.
fn name(role: domain::Role) -> String {
    match enum_value(Role::from(role)) {
        Value::Enum(name) => name.to_string(),
        other => other.to_string(),
    }
}

/// Registered after every other type, it completes their descriptions and says who sees them: `SchemaBuilder` gives no
/// other way to it.
pub(super) struct Descriptions;

#[async_trait]
impl OutputType for Descriptions {
    fn type_name() -> Cow<'static, str> {
        "Boolean".into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        for (type_name, field, access) in OPERATIONS {
            let Some(field) = field_of(registry, type_name, field) else { continue };
            let description = field.description.get_or_insert_default();
            if !description.is_empty() {
                description.push(' ');
            }
            description.push_str(&access.sentence());
            field.visible = access.visible();
        }
        for meta in registry.types.values_mut() {
            let MetaType::Object { fields, .. } = meta else { continue };
            for field in fields.values_mut().filter(|field| field.args.contains_key("first")) {
                for (name, description) in CONNECTION_ARGUMENTS {
                    if let Some(argument) = field.args.get_mut(name) {
                        argument.description.get_or_insert_with(|| description.to_owned());
                    }
                }
            }
        }
        Self::type_name().into_owned()
    }

    async fn resolve(
        &self,
        _ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

fn field_of<'a>(registry: &'a mut Registry, type_name: &str, field: &str) -> Option<&'a mut MetaField> {
    match registry.types.get_mut(type_name)? {
        MetaType::Object { fields, .. } => fields.get_mut(field),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use domain::Permission;

    use super::Access;

    #[test]
    fn sentences_name_the_permission_and_its_roles() {
        assert_eq!(
            Access::Needs(Permission::FailureEdit).sentence(),
            "Needs `failures:edit`: TENANT_ADMIN, TENANT_MEMBER; with that scope PARTNER."
        );
        assert_eq!(
            Access::Needs(Permission::TenantManage).sentence(),
            "Needs `tenants:manage`: PLATFORM_ADMIN."
        );
    }
}

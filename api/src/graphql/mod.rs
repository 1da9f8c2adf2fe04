//! The GraphQL schema. A resolver decodes its input, makes one domain call and encodes the answer; deliberately
//! absent are rules, permissions and SQL (the domain's) and limits, protocol and transport (`http`).

pub mod access;
mod action;
mod api_key;
mod asked;
mod audit;
mod backfill;
mod call;
mod caller;
mod clues;
mod connector;
mod contact;
mod cost;
mod error;
mod error_path;
mod escalation;
mod escalation_policy;
mod exchange;
mod executor;
mod export;
mod failure;
mod failure_group;
mod freshness;
mod health;
mod identity_provider;
mod inbox;
mod incident;
mod integration;
mod invitation;
mod kill_switch;
mod kpi;
mod live;
mod loader;
mod log_line;
mod node;
mod notice;
mod notice_channel;
mod notice_policy;
mod ownership_rule;
mod page;
mod portal_key;
mod portal_session;
mod preview;
mod quarantine;
mod ready;
mod reconciliation;
mod retention;
mod retry;
mod reveal;
mod run;
mod run_event;
mod run_metric;
mod run_slice;
mod runbook;
mod scalar;
mod schedule;
mod second_factor;
mod session;
mod single_sign_on;
mod stream;
mod stream_cursor;
mod stream_schema;
mod synthetic_check;
mod system;
mod system_authorization;
mod tenant;
mod user;
mod view;
mod viewer;
mod webhook;
mod words;

use std::sync::{Arc, LazyLock};

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions, SchemaBuilder, ValidationMode};

pub use self::caller::Caller;
pub(crate) use self::cost::{FIELD_COSTS, LIST_SIZES};
pub(crate) use self::executor::ApiExecutor;
pub(crate) use self::freshness::Freshness;

/// What can be asked.
#[derive(MergedObject, Default)]
pub struct Query(
    viewer::ViewerQuery,
    node::NodeQuery,
    tenant::TenantQuery,
    user::UserQuery,
    invitation::InvitationQuery,
    identity_provider::IdentityProviderQuery,
    api_key::ApiKeyQuery,
    portal_key::PortalKeyQuery,
    portal_session::PortalSessionQuery,
    connector::ConnectorQuery,
    system::SystemQuery,
    integration::IntegrationQuery,
    run::RunQuery,
    backfill::BackfillQuery,
    reconciliation::ReconciliationQuery,
    failure::FailureQuery,
    failure_group::FailureGroupQuery,
    inbox::InboxQuery,
    retry::RetryQuery,
    quarantine::QuarantineQuery,
    health::HealthQuery,
    incident::IncidentQuery,
    kill_switch::KillSwitchQuery,
    runbook::RunbookQuery,
    words::WordQuery,
    notice::NoticeQuery,
    notice_channel::NoticeChannelQuery,
    notice_policy::NoticePolicyQuery,
    escalation::EscalationQuery,
    escalation_policy::EscalationPolicyQuery,
    contact::ContactQuery,
    ownership_rule::OwnershipRuleQuery,
    audit::AuditQuery,
    export::ExportQuery,
);

/// What can be done. Bad input is answered in `userErrors`, each with its path; nothing is done then.
#[derive(MergedObject, Default)]
pub struct Mutation(
    session::SessionMutation,
    second_factor::SecondFactorMutation,
    tenant::TenantMutation,
    retention::RetentionMutation,
    user::UserMutation,
    invitation::InvitationMutation,
    identity_provider::IdentityProviderMutation,
    single_sign_on::SingleSignOnMutation,
    api_key::ApiKeyMutation,
    portal_key::PortalKeyMutation,
    portal_session::PortalSessionMutation,
    system::SystemMutation,
    system_authorization::ConnectLinkMutation,
    webhook::WebhookMutation,
    integration::IntegrationMutation,
    preview::PreviewMutation,
    view::ViewMutation,
    health::HealthMutation,
    kpi::KpiMutation,
    synthetic_check::SyntheticCheckMutation,
    run::RunMutation,
    backfill::BackfillMutation,
    reconciliation::ReconciliationMutation,
    failure::FailureMutation,
    failure_group::FailureGroupMutation,
    retry::RetryMutation,
    quarantine::QuarantineMutation,
    reveal::RevealMutation,
    incident::IncidentMutation,
    kill_switch::KillSwitchMutation,
    runbook::RunbookMutation,
    words::WordMutation,
    notice::NoticeMutation,
    notice_channel::NoticeChannelMutation,
    notice_policy::NoticePolicyMutation,
    escalation_policy::EscalationPolicyMutation,
    contact::ContactMutation,
    ownership_rule::OwnershipRuleMutation,
    export::ExportMutation,
);

/// What can be listened to, over a WebSocket or server-sent events. Updates are hints; who comes back after a while is told
/// by `since` what changed meanwhile.
#[derive(MergedSubscription, Default)]
pub struct Subscription(
    run::RunSubscription,
    failure::FailureSubscription,
    failure_group::FailureGroupSubscription,
    health::HealthSubscription,
    retry::RetrySubscription,
);

/// The schema of the API.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema. Requests that it executes carry a [`Caller`].
pub fn schema() -> Schema {
    schema_with(None)
}

/// The same, with where engineers see traces: an address with `{traceId}` in it.
fn schema_with(trace_url: Option<String>) -> Schema {
    builder().data(clues::TraceUrl(trace_url)).finish()
}

/// The same schema, which says nothing about names that are similar to unknown ones. Each schema has all types, which are
/// some megabytes, and this one answers few: it is built when it is first asked.
#[derive(Clone)]
pub(crate) struct TerseSchema(Arc<LazyLock<Schema, Box<dyn FnOnce() -> Schema + Send>>>);

impl TerseSchema {
    pub(crate) fn new(trace_url: Option<String>) -> Self {
        let build = || builder().data(clues::TraceUrl(trace_url)).disable_suggestions().finish();
        Self(Arc::new(LazyLock::new(Box::new(build))))
    }

    pub(crate) fn get(&self) -> &Schema {
        &self.0
    }
}

/// The same schema for queries that are known to be valid, and are asked of another one when they meet an error.
fn quick_schema(trace_url: Option<String>) -> Schema {
    let types = types().data(clues::TraceUrl(trace_url)).data(ready::Unwatched);
    types.validation_mode(ValidationMode::Fast).finish()
}

/// The same with a span for each field of the root, for what is in a trace that will be seen.
fn traced_schema(trace_url: Option<String>) -> Schema {
    let types = types().data(clues::TraceUrl(trace_url)).validation_mode(ValidationMode::Fast);
    types.extension(call::Spans).finish()
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    types().extension(error_path::ErrorPaths).extension(call::Calls)
}

fn types() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .register_output_type::<access::Descriptions>()
}

/// The schema as text, the same on each call: what `schema.graphql` holds.
pub fn sdl() -> String {
    schema().sdl_with_options(
        SDLExportOptions::new().prefer_single_line_descriptions().include_specified_by().use_space_ident(),
    )
}

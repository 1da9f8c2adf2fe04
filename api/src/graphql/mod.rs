//! The GraphQL schema. A resolver decodes its input, makes one domain call and encodes the answer; deliberately
//! absent are rules, permissions and SQL (the domain's) and limits, protocol and transport (`http`).

pub mod access;
mod action;
mod api_key;
mod audit;
mod backfill;
mod boxed;
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
mod quarantine;
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
mod viewer;
mod webhook;
mod words;

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions, SchemaBuilder, ValidationMode};

use self::boxed::Boxed;
pub use self::caller::Caller;
pub(crate) use self::cost::{FIELD_COSTS, LIST_SIZES};
pub(crate) use self::executor::ApiExecutor;
pub(crate) use self::freshness::Freshness;

/// What can be asked.
#[derive(MergedObject, Default)]
pub struct Query(
    Boxed<viewer::ViewerQuery>,
    Boxed<node::NodeQuery>,
    Boxed<tenant::TenantQuery>,
    Boxed<user::UserQuery>,
    Boxed<invitation::InvitationQuery>,
    Boxed<identity_provider::IdentityProviderQuery>,
    Boxed<api_key::ApiKeyQuery>,
    Boxed<portal_key::PortalKeyQuery>,
    Boxed<portal_session::PortalSessionQuery>,
    Boxed<connector::ConnectorQuery>,
    Boxed<system::SystemQuery>,
    Boxed<integration::IntegrationQuery>,
    Boxed<run::RunQuery>,
    Boxed<backfill::BackfillQuery>,
    Boxed<reconciliation::ReconciliationQuery>,
    Boxed<failure::FailureQuery>,
    Boxed<failure_group::FailureGroupQuery>,
    Boxed<inbox::InboxQuery>,
    Boxed<retry::RetryQuery>,
    Boxed<quarantine::QuarantineQuery>,
    Boxed<health::HealthQuery>,
    Boxed<incident::IncidentQuery>,
    Boxed<kill_switch::KillSwitchQuery>,
    Boxed<runbook::RunbookQuery>,
    Boxed<words::WordQuery>,
    Boxed<notice::NoticeQuery>,
    Boxed<notice_channel::NoticeChannelQuery>,
    Boxed<notice_policy::NoticePolicyQuery>,
    Boxed<escalation::EscalationQuery>,
    Boxed<escalation_policy::EscalationPolicyQuery>,
    Boxed<contact::ContactQuery>,
    Boxed<ownership_rule::OwnershipRuleQuery>,
    Boxed<audit::AuditQuery>,
    Boxed<export::ExportQuery>,
);

/// What can be done. Bad input is answered in `userErrors`, each with its path; nothing is done then.
#[derive(MergedObject, Default)]
pub struct Mutation(
    Boxed<session::SessionMutation>,
    Boxed<second_factor::SecondFactorMutation>,
    Boxed<tenant::TenantMutation>,
    Boxed<retention::RetentionMutation>,
    Boxed<user::UserMutation>,
    Boxed<invitation::InvitationMutation>,
    Boxed<identity_provider::IdentityProviderMutation>,
    Boxed<single_sign_on::SingleSignOnMutation>,
    Boxed<api_key::ApiKeyMutation>,
    Boxed<portal_key::PortalKeyMutation>,
    Boxed<portal_session::PortalSessionMutation>,
    Boxed<system::SystemMutation>,
    Boxed<system_authorization::ConnectLinkMutation>,
    Boxed<webhook::WebhookMutation>,
    Boxed<integration::IntegrationMutation>,
    Boxed<health::HealthMutation>,
    Boxed<kpi::KpiMutation>,
    Boxed<synthetic_check::SyntheticCheckMutation>,
    Boxed<run::RunMutation>,
    Boxed<backfill::BackfillMutation>,
    Boxed<reconciliation::ReconciliationMutation>,
    Boxed<failure::FailureMutation>,
    Boxed<failure_group::FailureGroupMutation>,
    Boxed<retry::RetryMutation>,
    Boxed<quarantine::QuarantineMutation>,
    Boxed<reveal::RevealMutation>,
    Boxed<incident::IncidentMutation>,
    Boxed<kill_switch::KillSwitchMutation>,
    Boxed<runbook::RunbookMutation>,
    Boxed<words::WordMutation>,
    Boxed<notice::NoticeMutation>,
    Boxed<notice_channel::NoticeChannelMutation>,
    Boxed<notice_policy::NoticePolicyMutation>,
    Boxed<escalation_policy::EscalationPolicyMutation>,
    Boxed<contact::ContactMutation>,
    Boxed<ownership_rule::OwnershipRuleMutation>,
    Boxed<export::ExportMutation>,
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

/// The same schema, which says nothing about names that are similar to unknown ones.
pub(crate) fn terse_schema(trace_url: Option<String>) -> Schema {
    builder().data(clues::TraceUrl(trace_url)).disable_suggestions().finish()
}

/// The same schema for queries that are known to be valid, and are asked of another one when they meet an error.
fn quick_schema(trace_url: Option<String>) -> Schema {
    types().data(clues::TraceUrl(trace_url)).validation_mode(ValidationMode::Fast).finish()
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

//! A tenant's access to outside systems.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::id::Kind;
use domain::{connector as connectors, rate_limit, system};
use serde_json::json;

use super::action::SuggestedAction;
use super::caller::{actor, loaders};
use super::connector::Connector;
use super::error::{ResolverError, Result, UserError, filter_text, outcome};
use super::loader::ActionsOf;
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, Json, id, optional_uuid, uuid};
use super::system_authorization::SystemAuthorization;
use super::tenant::Tenant;
use super::webhook::WebhookEndpoint;

/// What is known of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::system::SystemStatus")]
pub enum SystemStatus {
    /// Nobody has tried it since it was changed.
    Untested,
    /// The last try connected.
    Healthy,
    /// The last try did not connect.
    Failing,
    /// It refuses the credentials, or somebody must connect it again.
    ReauthRequired,
}

/// How often a system may be asked, by all workers together. In no time are there more requests than the burst and what
/// the rate gives for it.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct RateLimit {
    /// Requests a minute, in the long run.
    requests_per_minute: i32,
    /// Requests at once after a pause.
    burst: i32,
}

impl From<rate_limit::RateLimit> for RateLimit {
    fn from(limit: rate_limit::RateLimit) -> Self {
        Self { requests_per_minute: limit.requests_per_minute, burst: limit.burst }
    }
}

/// How often a system may be asked. For connectors that ask by single requests: `http`.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct RateLimitInput {
    /// Requests a minute, in the long run: 1 to 600,000.
    requests_per_minute: i32,
    /// Requests at once after a pause: 1 to 1,000.
    #[graphql(default = 1)]
    burst: i32,
}

impl RateLimitInput {
    fn decode(self) -> rate_limit::RateLimit {
        rate_limit::RateLimit { requests_per_minute: self.requests_per_minute, burst: self.burst }
    }
}

/// Whether runs may use a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::system::CircuitState")]
pub enum CircuitState {
    /// They may.
    Closed,
    /// It failed too often in a row; they wait until a time.
    Open,
    /// One run tries it, the others wait for what it finds.
    HalfOpen,
}

/// The circuit breaker of a system, one for all workers. It opens after 5 attempts in a row, of whichever runs, that
/// failed because the system was down or busy; then for longer each time, up to 15 minutes.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct Circuit {
    /// How it is.
    state: CircuitState,
    /// Since when.
    since: DateTime,
    /// OPEN: when the next run tries it; null otherwise.
    until: Option<DateTime>,
    /// Attempts in a row that failed because of the system.
    failures: i32,
}

impl From<system::Circuit> for Circuit {
    fn from(circuit: system::Circuit) -> Self {
        Self {
            state: circuit.state.into(),
            since: circuit.since.into(),
            until: circuit.until.map(Into::into),
            failures: circuit.failures,
        }
    }
}

/// A tenant's access to one outside system: a CRM, a database, a file store. Credentials go in and never come out.
#[derive(Clone)]
pub struct System(pub(super) system::System);

/// A tenant's access to one outside system: a CRM, a database, a file store. Credentials go in and never come out.
#[Object]
impl System {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::System, self.0.id)
    }

    /// The tenant that owns it.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// Name for people; unique in the tenant.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Code that talks to it.
    async fn connector(&self, ctx: &Context<'_>) -> Result<Connector> {
        let actor = actor(ctx)?;
        let description = connectors::get(&actor, &self.0.connector)?;
        description.map(Connector::from).ok_or_else(|| ResolverError::dangling("connector"))
    }

    /// Where and how to reach it, by the connector's `configSchema`.
    fn config(&self) -> Json {
        self.0.config.clone().into()
    }

    /// Whether credentials are stored.
    fn has_credentials(&self) -> bool {
        self.0.has_credentials
    }

    /// How its access stands, where that is had by OAuth 2.0; null otherwise.
    async fn authorization(&self, ctx: &Context<'_>) -> Option<Result<SystemAuthorization>> {
        let found = async { loaders(ctx)?.authorization(self.0.id).await };
        found.await.transpose().map(|found| found.map(SystemAuthorization::from))
    }

    /// Where it sends its events to; null where it sends none.
    async fn webhook(&self, ctx: &Context<'_>) -> Option<Result<WebhookEndpoint>> {
        let found = async { loaders(ctx)?.webhook(self.0.id).await };
        found.await.transpose().map(|found| found.map(WebhookEndpoint::from))
    }

    /// What the last test or run found.
    fn status(&self) -> SystemStatus {
        self.0.status.into()
    }

    /// The same, in the customer's words.
    fn status_message(&self) -> Option<&str> {
        self.0.status_message.as_deref()
    }

    /// Steps that help where it can't be used as it should be: what helps most first. Empty while it can.
    async fn actions(&self, ctx: &Context<'_>) -> Result<Vec<SuggestedAction>> {
        let actions = loaders(ctx)?.actions(ActionsOf::System, self.0.id).await?;
        Ok(actions.into_iter().map(SuggestedAction).collect())
    }

    /// When it was last tested; null: not since it was changed.
    fn last_tested_at(&self) -> Option<DateTime> {
        self.0.last_tested_at.map(Into::into)
    }

    /// How often it may be asked, by all workers together; null: as often as one likes.
    fn rate_limit(&self) -> Option<RateLimit> {
        self.0.rate_limit.map(Into::into)
    }

    /// Whether runs may use it, or leave it alone because it failed too often in a row.
    fn circuit(&self) -> Circuit {
        self.0.circuit.into()
    }

    /// When it was made.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// Which systems a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct SystemFilter {
    /// One of these.
    status: Option<Vec<SystemStatus>>,
    /// Of this tenant.
    tenant_id: Option<ID>,
    /// Name of the connector.
    connector: Option<String>,
    /// Text in the name, in any case; at most 200 characters.
    search: Option<String>,
}

impl SystemFilter {
    pub(super) fn decode(self) -> Result<system::SystemFilter> {
        Ok(system::SystemFilter {
            status: self.status.map(|status| status.into_iter().map(Into::into).collect()),
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
            connector: self.connector.map(filter_text).transpose()?,
            search: self.search,
        })
    }
}

/// By what systems are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::system::SystemOrder")]
pub enum SystemOrderField {
    /// By the time they were made.
    #[default]
    CreatedAt,
    /// By name.
    Name,
}

/// Order of a list of systems; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct SystemOrder {
    /// By what.
    #[graphql(default)]
    pub(super) field: SystemOrderField,
    /// Which way.
    #[graphql(default)]
    pub(super) direction: OrderDirection,
}

/// Queries of systems.
#[derive(Default)]
pub struct SystemQuery;

#[Object]
impl SystemQuery {
    /// One system; null when there is none that the viewer may see.
    async fn system(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The system's id.")] id: ID,
    ) -> Option<Result<System>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::System, &id)).await };
        row.await.transpose().map(|row| row.map(System))
    }

    /// Systems that the viewer may see.
    async fn systems(
        &self,
        ctx: &Context<'_>,
        filter: Option<SystemFilter>,
        order_by: Option<SystemOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<System>> {
        let filter = filter.unwrap_or_default().decode()?;
        let order = order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows =
            system::list(&actor(ctx)?, &filter, order.field.into(), order.direction.into(), &page).await?;
        Ok(Connection::new(rows, System))
    }
}

/// A new system.
#[derive(InputObject)]
pub struct CreateSystemInput {
    /// The tenant that owns it.
    tenant_id: ID,
    /// Name for people, at most 100 characters; unique in the tenant.
    name: String,
    /// Name of the connector.
    connector: String,
    /// By the connector's `configSchema`; `{}` by default.
    config: Option<Json>,
    /// By the connector's `credentialsSchema`; `{}` by default. Stored encrypted, and never shown again.
    #[graphql(secret)]
    credentials: Option<Json>,
    /// How often it may be asked; absent or null: as often as one likes.
    rate_limit: Option<RateLimitInput>,
}

/// Changes of a system: absent is unchanged. One whose config or credentials change is untested again.
#[derive(InputObject)]
pub struct UpdateSystemInput {
    /// Which system.
    system_id: ID,
    /// Name for people, at most 100 characters; unique in the tenant.
    name: Option<String>,
    /// The whole config, by the connector's `configSchema`. One that sends stored credentials elsewhere needs them again.
    config: Option<Json>,
    /// The whole credentials, by the connector's `credentialsSchema`; null clears them.
    #[graphql(secret)]
    credentials: MaybeUndefined<Json>,
    /// How often it may be asked, by runs that begin or go on from now on; null: as often as one likes.
    rate_limit: MaybeUndefined<RateLimitInput>,
}

/// Which system to test.
#[derive(InputObject)]
pub struct TestSystemInput {
    /// Which system.
    system_id: ID,
}

/// Which system to delete.
#[derive(InputObject)]
pub struct DeleteSystemInput {
    /// Which system.
    system_id: ID,
}

/// A system, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct SystemPayload {
    /// The system as it is now; null when `userErrors` is not empty.
    system: Option<System>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl SystemPayload {
    pub(super) fn of(result: domain::Result<system::System>) -> Result<Self> {
        let (system, user_errors) = outcome(result)?;
        Ok(Self { system: system.map(System), user_errors })
    }
}

/// The id of what was deleted, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct DeleteSystemPayload {
    /// Id of the system that is gone; null when `userErrors` is not empty.
    deleted_system_id: Option<ID>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of systems.
#[derive(Default)]
pub struct SystemMutation;

#[Object]
impl SystemMutation {
    /// Makes a system. Nothing is connected to; `testSystem` does.
    async fn create_system(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The system.")] input: CreateSystemInput,
    ) -> Result<SystemPayload> {
        let new = system::NewSystem {
            tenant_id: Some(uuid(Kind::Tenant, &input.tenant_id)),
            name: input.name,
            connector: input.connector,
            config: input.config.map_or_else(|| json!({}), |config| config.0),
            credentials: input.credentials.map(|credentials| credentials.0),
            rate_limit: input.rate_limit.map(RateLimitInput::decode),
        };
        SystemPayload::of(system::create(&actor(ctx)?, new).await)
    }

    /// Changes a system.
    async fn update_system(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The system and its changes.")] input: UpdateSystemInput,
    ) -> Result<SystemPayload> {
        let changes = system::SystemChanges {
            name: input.name,
            config: input.config.map(|config| config.0),
            credentials: input.credentials.map_value(|credentials| credentials.0).into(),
            rate_limit: input.rate_limit.map_value(RateLimitInput::decode).into(),
        };
        SystemPayload::of(system::update(&actor(ctx)?, uuid(Kind::System, &input.system_id), changes).await)
    }

    /// Connects to a system for real, and sets its status and status message. Takes up to 20 s. That it does not
    /// answer is a result, not an error. When it takes us in again, runs that its refusal ended are retried and integrations
    /// that were held for it go on, for callers with `failures:retry` and `integrations:operate`.
    async fn test_system(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The system.")] input: TestSystemInput,
    ) -> Result<SystemPayload> {
        SystemPayload::of(system::test(&actor(ctx)?, uuid(Kind::System, &input.system_id)).await)
    }

    /// Deletes a system; CONFLICT while an integration uses it, an archived one too.
    async fn delete_system(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The system.")] input: DeleteSystemInput,
    ) -> Result<DeleteSystemPayload> {
        let row = uuid(Kind::System, &input.system_id);
        let (deleted, user_errors) = outcome(system::delete(&actor(ctx)?, row).await)?;
        Ok(DeleteSystemPayload { deleted_system_id: deleted.map(|()| id(Kind::System, row)), user_errors })
    }
}

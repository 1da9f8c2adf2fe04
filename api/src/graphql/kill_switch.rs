//! Kill switches: what is stopped at once, and what becomes of what waited.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::kill_switch::{self, NewKillSwitch, Target};

use super::caller::actor;
use super::error::{Result, UserError, outcome};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid};

/// How far a kill switch reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::kill_switch::Reach")]
pub enum KillSwitchScope {
    /// Every integration of every tenant.
    Platform,
    /// Integrations of any tenant that read or write by a connector.
    Connector,
    /// The integrations of a tenant.
    Tenant,
    /// One integration.
    Integration,
}

/// What becomes of the runs that waited for a kill switch when it is released, or expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::kill_switch::Release")]
pub enum OnRelease {
    /// All of them run, in their order, not all at once.
    #[default]
    RunAll,
    /// Of each integration the newest that reads its source runs, as do retries of stored records; the others are
    /// canceled.
    RunLatest,
    /// They are canceled.
    Cancel,
}

/// What is stopped at once: nothing of it starts, and what runs stops within seconds and goes on later, from
/// its last page. Runs that are asked for meanwhile are kept queued.
#[derive(Clone)]
pub struct KillSwitch(pub(super) kill_switch::KillSwitch);

/// What is stopped at once: nothing of it starts, and what runs stops within seconds and goes on later, from
/// its last page. Runs that are asked for meanwhile are kept queued.
#[Object]
impl KillSwitch {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::KillSwitch, self.0.id)
    }

    /// How far it reaches.
    fn scope(&self) -> KillSwitchScope {
        self.0.scope.into()
    }

    /// The connector's name, or the id of the tenant or integration; null where it reaches everything.
    fn target(&self) -> Option<&str> {
        self.0.target.as_deref()
    }

    /// Why, for whoever engaged it and their colleagues; null to a tenant whom the operator stopped.
    fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Why, in words for the customers: runs that wait for it show them.
    fn message_for_customers(&self) -> &str {
        &self.0.message_for_customers
    }

    /// What becomes of the runs that waited.
    fn on_release(&self) -> OnRelease {
        self.0.on_release.into()
    }

    /// Who engaged it; a tenant reads of the operator's staff only that it was they.
    fn created_by(&self) -> &str {
        &self.0.created_by
    }

    /// When it was engaged.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it releases itself; null: when somebody does.
    fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(Into::into)
    }

    /// When it was released, or expired; null while it is engaged.
    fn released_at(&self) -> Option<DateTime> {
        self.0.released_at.map(Into::into)
    }
}

/// Which kill switches a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct KillSwitchFilter {
    /// Those of this tenant and its integrations, without those that stop others too.
    tenant_id: Option<ID>,
    /// Whether they are engaged.
    engaged: Option<bool>,
}

impl KillSwitchFilter {
    fn decode(self) -> kill_switch::KillSwitchFilter {
        kill_switch::KillSwitchFilter {
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
            engaged: self.engaged,
        }
    }
}

/// By what kill switches are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum KillSwitchOrderField {
    /// By the time they were engaged.
    #[default]
    CreatedAt,
}

/// Order of a list of kill switches; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct KillSwitchOrder {
    /// By what.
    #[graphql(default)]
    field: KillSwitchOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of kill switches.
#[derive(Default)]
pub struct KillSwitchQuery;

#[Object]
impl KillSwitchQuery {
    /// Kill switches, engaged and released: of staff all, of others those of their tenant.
    async fn kill_switches(
        &self,
        ctx: &Context<'_>,
        filter: Option<KillSwitchFilter>,
        order_by: Option<KillSwitchOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<KillSwitch>> {
        let filter = filter.unwrap_or_default().decode();
        let KillSwitchOrder { field: KillSwitchOrderField::CreatedAt, direction } =
            order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = kill_switch::list(&actor(ctx)?, &filter, direction.into(), &page).await?;
        Ok(Connection::new(rows, KillSwitch))
    }
}

/// What to stop, and why.
#[derive(InputObject)]
pub struct EngageKillSwitchInput {
    /// How far it reaches. PLATFORM and CONNECTOR are for the operator's staff.
    scope: KillSwitchScope,
    /// With CONNECTOR: its name.
    connector: Option<String>,
    /// With TENANT: which.
    tenant_id: Option<ID>,
    /// With INTEGRATION: which.
    integration_id: Option<ID>,
    /// Why, for you and your colleagues: 1 to 500 characters.
    reason: String,
    /// Why, in words for the customers whose runs wait: 1 to 500 characters.
    message_for_customers: String,
    /// When it releases itself, in the future; absent or null: when somebody releases it.
    expires_at: Option<DateTime>,
    /// What becomes of the runs that waited.
    #[graphql(default)]
    on_release: OnRelease,
}

/// Which kill switch to release.
#[derive(InputObject)]
pub struct ReleaseKillSwitchInput {
    /// Which kill switch.
    kill_switch_id: ID,
}

/// A kill switch, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct KillSwitchPayload {
    /// The kill switch; null when `userErrors` is not empty.
    kill_switch: Option<KillSwitch>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl KillSwitchPayload {
    fn of(result: domain::Result<kill_switch::KillSwitch>) -> Result<Self> {
        let (kill_switch, user_errors) = outcome(result)?;
        Ok(Self { kill_switch: kill_switch.map(KillSwitch), user_errors })
    }
}

/// Mutations of kill switches.
#[derive(Default)]
pub struct KillSwitchMutation;

#[Object]
impl KillSwitchMutation {
    /// Stops everything, a connector, a tenant or an integration: from now on nothing of it starts, and what runs
    /// stops within seconds, after the page that it is at.
    async fn engage_kill_switch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to stop, and why.")] input: EngageKillSwitchInput,
    ) -> Result<KillSwitchPayload> {
        let new = NewKillSwitch {
            target: Target {
                scope: input.scope.into(),
                connector: input.connector,
                tenant_id: optional_uuid(Kind::Tenant, input.tenant_id.as_ref()),
                integration_id: optional_uuid(Kind::Integration, input.integration_id.as_ref()),
            },
            reason: input.reason,
            message_for_customers: input.message_for_customers,
            expires_at: input.expires_at.map(|at| at.0),
            on_release: input.on_release.into(),
        };
        KillSwitchPayload::of(kill_switch::engage(&actor(ctx)?, new).await)
    }

    /// Releases a kill switch: the runs that waited go on or are canceled, as its `onRelease` says.
    async fn release_kill_switch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The kill switch.")] input: ReleaseKillSwitchInput,
    ) -> Result<KillSwitchPayload> {
        let row = uuid(Kind::KillSwitch, &input.kill_switch_id);
        KillSwitchPayload::of(kill_switch::release(&actor(ctx)?, row).await)
    }
}

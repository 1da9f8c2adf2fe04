//! Integrations: what moves streams of records from a source to a destination.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

mod change;
mod retry_policy;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use domain::failure::FailureParent;
use domain::failure_group::FailureGroupParent;
use domain::id::Kind;
use domain::integration::{self, IntegrationList};
use domain::page::{Direction, PageArguments};
use domain::quarantine::QuarantineParent;
use domain::run::RunParent;
use domain::stream;

pub use self::change::IntegrationMutation;
use self::retry_policy::RetryPolicy;
use super::action::SuggestedAction;
use super::backfill::{Backfill, BackfillFilter, BackfillOrder, BackfillOrderField};
use super::caller::{actor, loaders};
use super::contact::IntegrationContacts;
use super::error::Result;
use super::failure::{Failure, FailureFilter, FailureOrder, failure_list};
use super::failure_group::{FailureGroup, FailureGroupFilter, FailureGroupOrder};
use super::health::{
    HealthAlert, HealthAlertFilter, HealthAlertOrder, HealthAlertOrderField, HealthStatus,
    HealthTargetChange, HealthTargets, IntegrationHealth,
};
use super::kpi::Kpi;
use super::loader::{
    ActionsOf, Backfills, FailureGroups, Failures, HealthAlerts, HealthTargetChanges, Quarantines,
    Reconciliations, Runs,
};
use super::page::{Connection, Listed, OrderDirection, arguments};
use super::quarantine::{Quarantine, QuarantineFilter, QuarantineOrder, QuarantineOrderField};
use super::ready::{put_enums, ready};
use super::reconciliation::{
    Reconciliation, ReconciliationFilter, ReconciliationOrder, ReconciliationOrderField,
};
use super::run::{Run, RunFilter, RunOrder, run_list};
use super::scalar::{DateTime, id, optional_uuid, uuid};
use super::schedule::Schedule;
use super::stream::Stream;
use super::synthetic_check::SyntheticCheck;
use super::system::System;
use super::tenant::Tenant;

/// Whether an integration's runs may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::integration::Status")]
pub enum IntegrationStatus {
    /// They may.
    Active,
    /// Paused by people; runs that are asked for are kept queued.
    Paused,
    /// Held by the system, with a reason; runs that are asked for are kept queued.
    Held,
    /// Gone from lists; starts nothing, for good.
    Archived,
}

/// When both ends of an integration are compared by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::integration::ReconcilePolicy")]
pub enum ReconcilePolicy {
    /// On demand only.
    Never,
    /// After each run that reads the source and goes through: the source is read twice.
    AfterRun,
}

put_enums!(IntegrationStatus, ReconcilePolicy);

ready!(Integration {
    "name" => name,
    "description" => description,
    "status" => status,
    "statusReason" => status_reason,
    "holdAfter" => hold_after,
    "failedRunCount" => failed_run_count,
    "reconcile" => reconcile,
    "createdAt" => created_at,
    "updatedAt" => updated_at,
});

/// Moves streams of records from a source system to a destination system.
#[derive(Clone)]
pub struct Integration(pub(super) integration::Integration);

/// Moves streams of records from a source system to a destination system.
#[Object]
impl Integration {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Integration, self.0.id)
    }

    /// The tenant that owns it.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// Name for people; unique among the tenant's integrations that are not archived.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// For people.
    fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// PAUSED by a person, HELD by the system (quality gate, kill switch, reauthorisation needed).
    fn status(&self) -> IntegrationStatus {
        self.0.status.into()
    }

    /// Why it is paused or held.
    fn status_reason(&self) -> Option<&str> {
        self.0.status_reason.as_deref()
    }

    /// Steps that let it go on where it stands still or its systems can't be used: what helps most first. Empty while it
    /// runs as it should.
    async fn actions(&self, ctx: &Context<'_>) -> Result<Vec<SuggestedAction>> {
        let actions = loaders(ctx)?.actions(ActionsOf::Integration, self.0.id).await?;
        Ok(actions.into_iter().map(SuggestedAction).collect())
    }

    /// System to read from.
    async fn source(&self, ctx: &Context<'_>) -> Result<System> {
        Ok(System(loaders(ctx)?.referred(self.0.source_id, "source").await?))
    }

    /// System to write to.
    async fn destination(&self, ctx: &Context<'_>) -> Result<System> {
        Ok(System(loaders(ctx)?.referred(self.0.destination_id, "destination").await?))
    }

    /// What it moves, in this order.
    fn streams(&self) -> Vec<Stream> {
        let of = |stream: &stream::Stream| Stream { integration_id: self.0.id, stream: stream.clone() };
        self.0.streams.0.iter().map(of).collect()
    }

    /// Cron expression with a time zone, or null: runs on demand only.
    fn schedule(&self) -> Option<Schedule> {
        Schedule::of(&self.0)
    }

    /// How patient its runs are with a system that is down.
    async fn retry_policy(&self, ctx: &Context<'_>) -> Result<RetryPolicy> {
        Ok(integration::retry_policy(&actor(ctx)?, &self.0)?.into())
    }

    /// Failed runs in a row after which it is held by itself; 0 is never. A run is failed that could not go on.
    fn hold_after(&self) -> i32 {
        self.0.hold_after
    }

    /// Runs that failed since the last one that went through.
    fn failed_run_count(&self) -> i32 {
        self.0.failed_run_count
    }

    /// Why the system holds it; null when it does not. `resumeIntegration` lets it go on,
    /// or where it is held for a quarantine `releaseQuarantine` or `discardQuarantine`.
    fn hold(&self) -> Option<IntegrationHold> {
        let since = self.0.held_at?;
        Some(IntegrationHold { integration: self.0.clone(), since: since.into() })
    }

    /// Its runs.
    async fn runs(
        &self,
        ctx: &Context<'_>,
        filter: Option<RunFilter>,
        order_by: Option<RunOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Listed<Run>> {
        let list = Runs { of: RunParent::Integration, list: run_list(ctx, filter, order_by)? };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Listed::new(page, Run))
    }

    /// Its backfills.
    async fn backfills(
        &self,
        ctx: &Context<'_>,
        filter: Option<BackfillFilter>,
        order_by: Option<BackfillOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Backfill>> {
        let BackfillOrder { field: BackfillOrderField::CreatedAt, direction } = order_by.unwrap_or_default();
        let list = Backfills { filter: filter.unwrap_or_default().decode(), direction: direction.into() };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, Backfill))
    }

    /// Pages of its runs that a quality gate kept from being written.
    async fn quarantines(
        &self,
        ctx: &Context<'_>,
        filter: Option<QuarantineFilter>,
        order_by: Option<QuarantineOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Quarantine>> {
        let QuarantineOrder { field: QuarantineOrderField::CreatedAt, direction } =
            order_by.unwrap_or_default();
        let list = Quarantines {
            of: QuarantineParent::Integration,
            filter: filter.unwrap_or_default().decode(),
            direction: direction.into(),
        };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, Quarantine))
    }

    /// Whether both ends are compared by themselves.
    fn reconcile(&self) -> ReconcilePolicy {
        self.0.reconcile.into()
    }

    /// The reconciliation that was asked for last; null where there was none.
    async fn latest_reconciliation(&self, ctx: &Context<'_>) -> Option<Result<Reconciliation>> {
        let one = PageArguments { first: Some(1), ..PageArguments::default() };
        let list = Reconciliations { filter: Default::default(), direction: Direction::Descending };
        let page = async { loaders(ctx)?.page(self.0.id, list, one).await };
        let row = page.await.map(|page| page.edges.into_iter().next().map(|edge| edge.node));
        row.transpose().map(|row| row.map(Reconciliation))
    }

    /// Its reconciliations.
    async fn reconciliations(
        &self,
        ctx: &Context<'_>,
        filter: Option<ReconciliationFilter>,
        order_by: Option<ReconciliationOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Reconciliation>> {
        let ReconciliationOrder { field: ReconciliationOrderField::CreatedAt, direction } =
            order_by.unwrap_or_default();
        let filter = filter.unwrap_or_default().decode();
        let list = Reconciliations { filter, direction: direction.into() };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, Reconciliation))
    }

    /// Groups of its failures, the one with the latest failure first.
    async fn failure_groups(
        &self,
        ctx: &Context<'_>,
        filter: Option<FailureGroupFilter>,
        order_by: Option<FailureGroupOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<FailureGroup>> {
        let FailureGroupOrder { field, direction } = order_by.unwrap_or_default();
        let list = FailureGroups {
            of: FailureGroupParent::Integration,
            filter: filter.unwrap_or_default().decode()?,
            order: field.into(),
            direction: direction.into(),
        };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, FailureGroup))
    }

    /// Failures of its runs.
    async fn failures(
        &self,
        ctx: &Context<'_>,
        filter: Option<FailureFilter>,
        order_by: Option<FailureOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Listed<Failure>> {
        let list = Failures { of: FailureParent::Integration, list: failure_list(ctx, filter, order_by)? };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Listed::new(page, Failure))
    }

    /// How it is, and what became of its runs; null only where it is gone meanwhile.
    async fn health(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default = 24,
            desc = "The window of its metrics, which ends now: 1 to 2,160 hours; of whole hours up to a week, of whole days (UTC) from then on."
        )]
        window_hours: i32,
    ) -> Option<Result<IntegrationHealth>> {
        let health = async { loaders(ctx)?.health(self.0.id).await };
        let health = health.await.transpose()?;
        Some(health.and_then(|health| IntegrationHealth::of(self.0.id, health, window_hours)))
    }

    /// Who is what for it.
    async fn contacts(&self, ctx: &Context<'_>) -> Result<IntegrationContacts> {
        Ok(IntegrationContacts::of(loaders(ctx)?.integration_contacts(self.0.id).await?))
    }

    /// What is expected of it.
    async fn health_targets(&self, ctx: &Context<'_>) -> Result<HealthTargets> {
        Ok(loaders(ctx)?.health_targets(self.0.id).await?.into())
    }

    /// Who changed what is expected of it, and when; newest first.
    async fn health_target_changes(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<HealthTargetChange>> {
        let page = arguments(first, after, last, before);
        let page = loaders(ctx)?.page(self.0.id, HealthTargetChanges, page).await?;
        Ok(Connection::new(page, HealthTargetChange))
    }

    /// The test record that proves it from end to end; null where it has none.
    async fn synthetic_check(&self, ctx: &Context<'_>) -> Result<Option<SyntheticCheck>> {
        Ok(loaders(ctx)?.synthetic_check(self.0.id).await?.map(SyntheticCheck::of))
    }

    /// When it missed a target.
    async fn health_alerts(
        &self,
        ctx: &Context<'_>,
        filter: Option<HealthAlertFilter>,
        order_by: Option<HealthAlertOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<HealthAlert>> {
        let HealthAlertOrder { field: HealthAlertOrderField::OpenedAt, direction } =
            order_by.unwrap_or_default();
        let filter = filter.unwrap_or_default().decode();
        let list = HealthAlerts { filter, direction: direction.into() };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, HealthAlert))
    }

    /// What is measured of the records that it delivers, in the order in which that was set.
    async fn kpis(&self, ctx: &Context<'_>) -> Result<Vec<Kpi>> {
        let kpis = domain::kpi::of_integration(&actor(ctx)?, &self.0)?;
        Ok(kpis.into_iter().map(Kpi::from).collect())
    }

    /// When it was made.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was last changed by a person or the system.
    fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

/// Why and since when the system holds an integration.
#[derive(Clone)]
pub struct IntegrationHold {
    integration: integration::Integration,
    since: DateTime,
}

/// Why and since when the system holds an integration.
#[Object]
impl IntegrationHold {
    /// In words for its people.
    fn reason(&self) -> &str {
        self.integration.status_reason.as_deref().unwrap_or_default()
    }

    /// Since when.
    fn since(&self) -> DateTime {
        self.since
    }

    /// The failure that it is held for, the last one in a row; null where it is held for something else.
    async fn failure(&self, ctx: &Context<'_>) -> Option<Result<Failure>> {
        let id = self.integration.hold_failure_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Failure))
    }
}

/// Which integrations a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct IntegrationFilter {
    /// One of these; by default every state but ARCHIVED.
    status: Option<Vec<IntegrationStatus>>,
    /// Of this tenant.
    tenant_id: Option<ID>,
    /// Text in the name, in any case; at most 200 characters.
    search: Option<String>,
    /// With one of these statuses of its health.
    health: Option<Vec<HealthStatus>>,
}

impl IntegrationFilter {
    pub(super) fn decode(self) -> integration::IntegrationFilter {
        integration::IntegrationFilter {
            status: self.status.map(|status| status.into_iter().map(Into::into).collect()),
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
            search: self.search,
            health: self.health.map(|health| health.into_iter().map(Into::into).collect()),
        }
    }
}

/// By what integrations are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::integration::IntegrationOrder")]
pub enum IntegrationOrderField {
    /// By the time they were made.
    #[default]
    CreatedAt,
    /// By name.
    Name,
    /// By the status of its health: in descending order the worst first, and PAUSED and ARCHIVED last. RUNNING counts as
    /// HEALTHY or UNKNOWN.
    Health,
}

/// Order of a list of integrations; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct IntegrationOrder {
    /// By what.
    #[graphql(default)]
    pub(super) field: IntegrationOrderField,
    /// Which way.
    #[graphql(default)]
    pub(super) direction: OrderDirection,
}

/// What a list of integrations asks for.
pub(super) fn integration_list(
    ctx: &Context<'_>,
    filter: Option<IntegrationFilter>,
    order_by: Option<IntegrationOrder>,
) -> Result<IntegrationList> {
    let order_by = order_by.unwrap_or_default();
    Ok(IntegrationList {
        filter: filter.unwrap_or_default().decode(),
        order: order_by.field.into(),
        direction: order_by.direction.into(),
        parts: loaders(ctx)?.asked().integration,
    })
}

/// Queries of integrations.
#[derive(Default)]
pub struct IntegrationQuery;

#[Object]
impl IntegrationQuery {
    /// One integration, archived or not; null when there is none that the viewer may see.
    async fn integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration's id.")] id: ID,
    ) -> Option<Result<Integration>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::Integration, &id)).await };
        row.await.transpose().map(|row| row.map(Integration))
    }

    /// Integrations that the viewer may see.
    async fn integrations(
        &self,
        ctx: &Context<'_>,
        filter: Option<IntegrationFilter>,
        order_by: Option<IntegrationOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Integration>> {
        let list = integration_list(ctx, filter, order_by)?;
        let rows = integration::list(&actor(ctx)?, &list, &arguments(first, after, last, before)).await?;
        Ok(Connection::new(rows, Integration))
    }
}

//! Quarantines: pages that a quality gate kept from being written, and the decision about them.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::failure::FailureParent;
use domain::id::Kind;
use domain::quarantine;

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::failure::{Failure, FailureFilter, FailureOrder, failure_list};
use super::integration::Integration;
use super::loader::Failures;
use super::page::{Connection, Listed, OrderDirection, arguments};
use super::retry::Retry;
use super::run::Run;
use super::scalar::{BigInt, DateTime, id, optional_uuid, uuid};
use super::tenant::Tenant;

/// How far a quarantine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::quarantine::QuarantineStatus")]
pub enum QuarantineStatus {
    /// Somebody must decide.
    Held,
    /// Its records are written.
    Released,
    /// Its records are left out.
    Discarded,
}

/// What a quality gate found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::quarantine::QuarantineRule")]
pub enum QuarantineRule {
    /// Too many records failed by themselves, in percent of those that were looked at.
    FailedRecords,
    /// Fewer records than in the runs before, in percent of their median.
    VolumeLow,
    /// More records than in the runs before, in percent of their median.
    VolumeHigh,
    /// A field is null in too many records, in percent of those that were looked at.
    NullRate,
}

/// A page of records that the quality gate of a stream kept from being written. Its integration is held until it is released
/// or discarded.
#[derive(Clone)]
pub struct Quarantine(pub(super) quarantine::Quarantine);

/// A page of records that the quality gate of a stream kept from being written. Its integration is held until it is released
/// or discarded.
#[Object]
impl Quarantine {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Quarantine, self.0.id)
    }

    /// The tenant that owns it.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// What is held for it.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Integration> {
        Ok(Integration(loaders(ctx)?.referred(self.0.integration_id, "integration").await?))
    }

    /// The run that found it. It is put aside, and goes on behind the page once somebody has decided.
    async fn run(&self, ctx: &Context<'_>) -> Result<Run> {
        Ok(Run(loaders(ctx)?.referred(self.0.run_id, "run").await?))
    }

    /// Name of the stream.
    fn stream(&self) -> &str {
        &self.0.stream
    }

    /// How far it is.
    fn status(&self) -> QuarantineStatus {
        self.0.status.into()
    }

    /// What was found.
    fn rule(&self) -> QuarantineRule {
        self.0.rule.into()
    }

    /// The field that it is about; null where it is about records.
    fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// What was measured, in the unit of the rule.
    fn measured(&self) -> f64 {
        self.0.measured
    }

    /// What is allowed, in the same unit.
    fn allowed(&self) -> f64 {
        self.0.allowed
    }

    /// What was found, in words for people.
    fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Records that would have been written, and were kept: failures with the code `record.quarantined`.
    fn record_count(&self) -> BigInt {
        self.0.record_count.into()
    }

    /// Records of the stream that the gate had looked at in this run.
    fn judged_count(&self) -> BigInt {
        self.0.judged_count.into()
    }

    /// How many of these failed by themselves.
    fn failed_count(&self) -> BigInt {
        self.0.failed_count.into()
    }

    /// When it was found.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was decided; null before that.
    fn decided_at(&self) -> Option<DateTime> {
        self.0.decided_at.map(Into::into)
    }

    /// Who decided, in words a customer understands; null before that.
    fn decided_by(&self) -> Option<&str> {
        self.0.decided_by.as_deref()
    }

    /// What they said about it.
    fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// The retry that brings its records home; null unless it was released and had any.
    async fn retry(&self, ctx: &Context<'_>) -> Option<Result<Retry>> {
        let id = self.0.retry_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Retry))
    }

    /// The failures of its page: the records that were kept, and those that failed by themselves.
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
        let list = Failures { of: FailureParent::Quarantine, list: failure_list(ctx, filter, order_by)? };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Listed::new(page, Failure))
    }
}

/// Which quarantines a list has; all conditions hold at once. Under a run or an integration they are looked for among what was kept of it.
#[derive(Debug, Default, InputObject)]
pub struct QuarantineFilter {
    /// One of these.
    status: Option<Vec<QuarantineStatus>>,
    /// Of this integration.
    integration_id: Option<ID>,
    /// Of this tenant.
    tenant_id: Option<ID>,
}

impl QuarantineFilter {
    pub(super) fn decode(self) -> quarantine::QuarantineFilter {
        quarantine::QuarantineFilter {
            status: self.status.map(|status| status.into_iter().map(Into::into).collect()),
            integration_id: optional_uuid(Kind::Integration, self.integration_id.as_ref()),
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
        }
    }
}

/// By what quarantines are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum QuarantineOrderField {
    /// By the time they were found.
    #[default]
    CreatedAt,
}

/// Order of a list of quarantines; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct QuarantineOrder {
    /// By what.
    #[graphql(default)]
    pub(super) field: QuarantineOrderField,
    /// Which way.
    #[graphql(default)]
    pub(super) direction: OrderDirection,
}

/// Queries of quarantines.
#[derive(Default)]
pub struct QuarantineQuery;

#[Object]
impl QuarantineQuery {
    /// One quarantine; null when there is none that the viewer may see.
    async fn quarantine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The quarantine's id.")] id: ID,
    ) -> Option<Result<Quarantine>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::Quarantine, &id)).await };
        row.await.transpose().map(|row| row.map(Quarantine))
    }

    /// Quarantines that the viewer may see.
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
        let filter = filter.unwrap_or_default().decode();
        let QuarantineOrder { field: QuarantineOrderField::CreatedAt, direction } =
            order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = quarantine::list(&actor(ctx)?, &filter, direction.into(), &page).await?;
        Ok(Connection::new(rows, Quarantine))
    }
}

/// Which quarantine to release.
#[derive(InputObject)]
pub struct ReleaseQuarantineInput {
    /// Which quarantine; nobody may have decided about it.
    quarantine_id: ID,
    /// Why, for people; at most 1,000 characters.
    note: Option<String>,
}

/// Which quarantine to discard.
#[derive(InputObject)]
pub struct DiscardQuarantineInput {
    /// Which quarantine; nobody may have decided about it.
    quarantine_id: ID,
    /// Why, for people; at most 1,000 characters. The failures that end as skipped have it as their reason.
    note: String,
}

/// A quarantine, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct QuarantinePayload {
    /// The quarantine; null when `userErrors` is not empty.
    quarantine: Option<Quarantine>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl QuarantinePayload {
    fn of(result: domain::Result<quarantine::Quarantine>) -> Result<Self> {
        let (quarantine, user_errors) = outcome(result)?;
        Ok(Self { quarantine: quarantine.map(Quarantine), user_errors })
    }
}

/// Mutations of quarantines.
#[derive(Default)]
pub struct QuarantineMutation;

#[Object]
impl QuarantineMutation {
    /// Writes what was kept: its records are retried, and the integration goes on, and with it the run that was put aside.
    /// The gate stays open for this stream until that run ends.
    async fn release_quarantine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The quarantine.")] input: ReleaseQuarantineInput,
    ) -> Result<QuarantinePayload> {
        let id = uuid(Kind::Quarantine, &input.quarantine_id);
        QuarantinePayload::of(quarantine::release(&actor(ctx)?, id, input.note.as_deref()).await)
    }

    /// Leaves what was kept out: what is open of its page ends as skipped, and the integration goes on, and with it the run
    /// that was put aside, behind that page. `cancelRun` ends that run instead.
    async fn discard_quarantine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The quarantine.")] input: DiscardQuarantineInput,
    ) -> Result<QuarantinePayload> {
        let id = uuid(Kind::Quarantine, &input.quarantine_id);
        QuarantinePayload::of(quarantine::discard(&actor(ctx)?, id, Some(&input.note)).await)
    }
}

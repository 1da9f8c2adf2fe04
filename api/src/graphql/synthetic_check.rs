//! Synthetic checks: a test record that proves an integration from end to end, and what came of it.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::page::{Direction, PageArguments};
use domain::synthetic_check::{self, NewSyntheticCheck};

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::integration::Integration;
use super::loader::SyntheticResults;
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{BigInt, DateTime, Json, id, uuid};
use super::schedule::ScheduleInput;

/// Whether a test record went the whole way of an integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::synthetic_check::Status")]
pub enum SyntheticStatus {
    /// It did.
    Passed,
    /// It did not.
    Failed,
}

/// A part of the way of a test record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::synthetic_check::Stage")]
pub enum SyntheticStage {
    /// Its key, and the mapping. How long this took includes the record rules.
    Map,
    /// The record rules.
    Validate,
    /// Writing it to the destination.
    Write,
    /// Asking the destination for it, over a new connection.
    ReadBack,
    /// Comparing what the destination has with what was written.
    Compare,
    /// Removing it, or what an earlier one has left, and asking whether it is gone.
    Remove,
}

/// A test record that an integration's destination is sent: what is sent, when, and what came of it.
#[derive(Clone)]
pub struct SyntheticCheck(synthetic_check::SyntheticCheck);

/// A test record that an integration's destination is sent: what is sent, when, and what came of it.
#[Object]
impl SyntheticCheck {
    /// Name of the stream.
    fn stream(&self) -> &str {
        &self.0.stream
    }

    /// The record as the source would give it, with places for its mark.
    fn record(&self) -> Json {
        self.0.record.clone().into()
    }

    /// When it is sent; null without a cron expression.
    fn schedule(&self) -> Option<SyntheticSchedule> {
        let (cron, time_zone) = (self.0.schedule_cron.clone()?, self.0.schedule_time_zone.clone()?);
        Some(SyntheticSchedule { cron, time_zone })
    }

    /// Time between two records in seconds; null with a cron expression, or on demand only.
    fn every_seconds(&self) -> Option<BigInt> {
        self.0.every_seconds.map(Into::into)
    }

    /// Whether the record is removed again.
    fn remove(&self) -> bool {
        self.0.removes
    }

    /// When the next record is sent, or was to be; null on demand. What is paused, held or stopped sends none meanwhile.
    fn next_at(&self) -> Option<DateTime> {
        self.0.next_at.map(Into::into)
    }

    /// Whether a record is on its way.
    fn is_under_way(&self) -> bool {
        self.0.lease_token.is_some()
    }

    /// Since when it fails; null where the last record went the whole way.
    fn failing_since(&self) -> Option<DateTime> {
        self.0.failing_since.map(Into::into)
    }

    /// The key of a test record that may still be at a destination; it is removed before the next one is sent, and also while
    /// the integration is paused or held. Null where nothing is left.
    fn left_behind(&self) -> Option<&str> {
        self.0.leftover.as_ref().map(|leftover| leftover.key.as_str())
    }

    /// Who set it, in words a customer understands.
    fn set_by(&self) -> &str {
        &self.0.set_by
    }

    /// When it was set as it is.
    fn set_at(&self) -> DateTime {
        self.0.updated_at.into()
    }

    /// What came of the last record; null before that.
    async fn last_result(&self, ctx: &Context<'_>) -> Result<Option<SyntheticResult>> {
        let newest = PageArguments { first: Some(1), after: None, last: None, before: None };
        let list = SyntheticResults { filter: Default::default(), direction: Direction::Descending };
        let page = loaders(ctx)?.page(self.0.integration_id, list, newest).await?;
        Ok(page.edges.into_iter().next().map(|edge| SyntheticResult(edge.node)))
    }

    /// What came of the records so far: those of 30 days, at most 1,000.
    async fn results(
        &self,
        ctx: &Context<'_>,
        filter: Option<SyntheticResultFilter>,
        order_by: Option<SyntheticResultOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<SyntheticResult>> {
        let SyntheticResultOrder { field: SyntheticResultOrderField::StartedAt, direction } =
            order_by.unwrap_or_default();
        let list =
            SyntheticResults { filter: filter.unwrap_or_default().decode(), direction: direction.into() };
        let page = arguments(first, after, last, before);
        let page = loaders(ctx)?.page(self.0.integration_id, list, page).await?;
        Ok(Connection::new(page, SyntheticResult))
    }
}

impl SyntheticCheck {
    pub(super) fn of(check: synthetic_check::SyntheticCheck) -> Self {
        Self(check)
    }
}

/// When test records are sent.
#[derive(Clone, Debug, SimpleObject)]
pub struct SyntheticSchedule {
    /// Cron expression: minute, hour, day of the month, month, day of the week.
    cron: String,
    /// IANA name of the time zone the expression is in, e.g. `Europe/Berlin`.
    time_zone: String,
}

/// What came of a test record.
#[derive(Clone)]
pub struct SyntheticResult(synthetic_check::SyntheticResult);

/// What came of a test record.
#[Object]
impl SyntheticResult {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::SyntheticResult, self.0.id)
    }

    /// Whether it went the whole way.
    fn status(&self) -> SyntheticStatus {
        self.0.status.into()
    }

    /// Name of the stream.
    fn stream(&self) -> &str {
        &self.0.stream
    }

    /// Where it failed; null where it went the whole way.
    fn stage(&self) -> Option<SyntheticStage> {
        self.0.stage.map(Into::into)
    }

    /// Why, of the error catalogue; null where it went the whole way.
    fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What happened, in words for people; null where it went the whole way.
    async fn reason(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(synthetic_check::reason(&actor(ctx)?, &self.0)?)
    }

    /// What the viewer can do; null where it went the whole way.
    async fn suggested_action(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(synthetic_check::suggested_action(&actor(ctx)?, &self.0)?)
    }

    /// What the record was told by.
    fn mark(&self) -> &str {
        &self.0.mark
    }

    /// Whether the destination was asked for the record, and had it as it was written. Some can't be asked: then that it
    /// took the record is all that is known. False, too, where the record was there before with the same values, so that
    /// nothing was written.
    fn is_verified(&self) -> bool {
        self.0.is_verified
    }

    /// Whether nothing of it is at the destination any more, as far as the destination says. One of which nobody knows
    /// whether it was written is removed once more five minutes later, in case that it arrives late.
    fn is_removed(&self) -> bool {
        self.0.is_removed
    }

    /// How long each stage took, in their order; only those that it came to.
    fn durations(&self) -> Vec<SyntheticStageDuration> {
        let duration = |one: &synthetic_check::StageDuration| SyntheticStageDuration {
            stage: one.stage.into(),
            ms: one.ms.into(),
        };
        self.0.durations.0.iter().map(duration).collect()
    }

    /// Who asked for it, in words a customer understands.
    fn triggered_by(&self) -> &str {
        &self.0.triggered_by
    }

    /// When it began.
    fn started_at(&self) -> DateTime {
        self.0.started_at.into()
    }

    /// When it ended.
    fn finished_at(&self) -> DateTime {
        self.0.finished_at.into()
    }
}

/// How long a stage took.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct SyntheticStageDuration {
    /// Which stage.
    stage: SyntheticStage,
    /// In milliseconds.
    ms: BigInt,
}

/// Which results a list has.
#[derive(Debug, Default, InputObject)]
pub struct SyntheticResultFilter {
    /// With one of these statuses.
    status: Option<Vec<SyntheticStatus>>,
}

impl SyntheticResultFilter {
    fn decode(self) -> synthetic_check::SyntheticResultFilter {
        let status = self.status.map(|statuses| statuses.into_iter().map(Into::into).collect());
        synthetic_check::SyntheticResultFilter { status }
    }
}

/// By what results are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum SyntheticResultOrderField {
    /// By the time they came.
    #[default]
    StartedAt,
}

/// Order of a list of results; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct SyntheticResultOrder {
    /// By what.
    #[graphql(default)]
    field: SyntheticResultOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// A test record for an integration.
#[derive(InputObject)]
pub struct SetSyntheticCheckInput {
    /// Which integration.
    integration_id: ID,
    /// Name of the stream whose way the record goes.
    stream: String,
    /// The record as the source would give it; at most 64 KiB. At least one key field of the stream has `{synthetic}` in its
    /// text, which becomes `trestle-test-` and twelve hex digits, or is `{syntheticNumber}`, which becomes a whole number below
    /// zero; both stand anywhere else, too. `{now}` becomes the time.
    record: Json,
    /// When it is sent. Not with `everySeconds`; without either on demand only.
    schedule: Option<ScheduleInput>,
    /// How often it is sent: every 60 to 604,800 seconds.
    every_seconds: Option<BigInt>,
    /// Whether it is removed again. With false, which a destination needs that can't delete records, one test record stays
    /// there and is written again each time. Put `{now}` into a field outside its key then: where the destination compares, a
    /// record that is the same each time is not written, and proves nothing.
    #[graphql(default = true)]
    remove: bool,
}

/// Which integration.
#[derive(InputObject)]
pub struct RemoveSyntheticCheckInput {
    /// Which integration; it must have a synthetic check.
    integration_id: ID,
}

/// Which integration.
#[derive(InputObject)]
pub struct RunSyntheticCheckInput {
    /// Which integration; it must have a synthetic check, and not be archived.
    integration_id: ID,
}

/// An integration, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct SyntheticCheckPayload {
    /// The integration; null when `userErrors` is not empty.
    integration: Option<Integration>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl SyntheticCheckPayload {
    fn of(result: domain::Result<domain::integration::Integration>) -> Result<Self> {
        let (integration, user_errors) = outcome(result)?;
        Ok(Self { integration: integration.map(Integration), user_errors })
    }
}

/// Mutations of synthetic checks.
#[derive(Default)]
pub struct SyntheticCheckMutation;

#[Object]
impl SyntheticCheckMutation {
    /// Sets the synthetic check of an integration, or sets it anew: a test record that goes through mapping, rules and
    /// destination, is read back, compared and removed. With a schedule the first one is sent at once.
    async fn set_synthetic_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration and its test record.")] input: SetSyntheticCheckInput,
    ) -> Result<SyntheticCheckPayload> {
        let new = NewSyntheticCheck {
            stream: input.stream,
            record: input.record.0,
            schedule: input.schedule.map(ScheduleInput::decode),
            every_seconds: input.every_seconds.map(|seconds| seconds.0),
            removes: input.remove,
        };
        let id = uuid(Kind::Integration, &input.integration_id);
        SyntheticCheckPayload::of(synthetic_check::set(&actor(ctx)?, id, new).await)
    }

    /// Sends no test records any more, and forgets what came of them. What one may have left at the destination is removed
    /// still.
    async fn remove_synthetic_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration.")] input: RemoveSyntheticCheckInput,
    ) -> Result<SyntheticCheckPayload> {
        let id = uuid(Kind::Integration, &input.integration_id);
        SyntheticCheckPayload::of(synthetic_check::remove(&actor(ctx)?, id).await)
    }

    /// Has the test record sent now; its result follows within seconds. What is paused or held sends it once it goes on. Asking
    /// twice before that is asking once.
    async fn run_synthetic_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration.")] input: RunSyntheticCheckInput,
    ) -> Result<SyntheticCheckPayload> {
        let id = uuid(Kind::Integration, &input.integration_id);
        SyntheticCheckPayload::of(synthetic_check::run(&actor(ctx)?, id).await)
    }
}

//! Runs: one execution of an integration each, with counts that balance.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject, Subscription};
use domain::Permission;
use domain::failure::FailureParent;
use domain::id::Kind;
use domain::quarantine::QuarantineParent;
use domain::run::{self, RunList};
use futures::stream::BoxStream;

use super::backfill::Backfill;
use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::failure::{Failure, FailureFilter, FailureOrder, failure_list};
use super::integration::Integration;
use super::live::{self, Watch};
use super::loader::{Events, Failures, Logs, Quarantines, Slices};
use super::log_line::{LogFilter, LogLine};
use super::page::{Connection, Listed, OrderDirection, arguments};
use super::quarantine::{Quarantine, QuarantineFilter, QuarantineOrder, QuarantineOrderField};
use super::ready::{Quick, put_enums, ready, ready_fields};
use super::reconciliation::Reconciliation;
use super::run_event::RunEvent;
use super::run_metric::RunMetrics;
use super::run_slice::RunSlice;
use super::scalar::{BigInt, DateTime, id, optional_uuid, uuid};
use super::tenant::Tenant;
use super::viewer::Audience;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::run::RunStatus")]
pub enum RunStatus {
    /// It waits for a worker.
    Queued,
    /// A worker has it. A crashed worker's run goes on from its last checkpoint.
    Running,
    /// Every record arrived.
    Succeeded,
    /// Some records failed.
    Partial,
    /// It could not go on.
    Failed,
    /// It was canceled; what is done stays.
    Canceled,
    /// It was PARTIAL or FAILED, and every failure of it is resolved, skipped or superseded since.
    Recovered,
}

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::run::RunTrigger")]
pub enum RunTrigger {
    /// A person or a program, by `startRun`.
    Manual,
    /// The integration's schedule.
    Schedule,
    /// A call from outside.
    Webhook,
    /// A retry of failures or of a run.
    Retry,
    /// A backfill.
    Backfill,
    /// A probe.
    Synthetic,
}

/// What a run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::run::WaitReason")]
pub enum RunWaitReason {
    /// For a worker that is free.
    Worker,
    /// For another run of its integration to end.
    OtherRun,
    /// For its next attempt, after a system was down or busy.
    Retry,
    /// For a system that failed several times in a row and is left alone for a while.
    System,
    /// For its integration to be resumed by a person.
    Paused,
    /// For its integration to be released.
    Held,
    /// For its tenant to be resumed.
    Suspended,
    /// For a kill switch to be released.
    KillSwitch,
}

/// Why a run waits.
#[derive(Clone, Debug, SimpleObject)]
pub struct RunWait {
    /// For what.
    reason: RunWaitReason,
    /// With RETRY: the code of what is tried again, from the catalogue of failures.
    code: Option<String>,
    /// In words a customer understands.
    message: String,
}

/// Counts of records: read = created + updated + unchanged + skipped + failed + unaccounted, always.
#[derive(Clone, Debug, SimpleObject)]
pub struct RunCounts {
    /// Records read.
    read: BigInt,
    /// Records the destination did not have.
    created: BigInt,
    /// Records the destination had with other values.
    updated: BigInt,
    /// Records the destination had already.
    unchanged: BigInt,
    /// Records the mapping left out.
    skipped: BigInt,
    /// Records that became failures.
    failed: BigInt,
    /// Records that are gone from the source and were deleted or marked at the destination, as `Stream.deletions` says. They
    /// were not read, and are no part of the sum.
    deleted: BigInt,
    /// Records read of which neither a write nor a failure is known. Above 0, the run is at best PARTIAL.
    unaccounted: BigInt,
}

impl From<run::RunCounts> for RunCounts {
    fn from(counts: run::RunCounts) -> Self {
        Self {
            read: counts.read.into(),
            created: counts.created.into(),
            updated: counts.updated.into(),
            unchanged: counts.unchanged.into(),
            skipped: counts.skipped.into(),
            failed: counts.failed.into(),
            deleted: counts.deleted.into(),
            unaccounted: counts.unaccounted().into(),
        }
    }
}

/// One execution of an integration.
#[derive(Clone)]
pub struct Run(pub(super) run::Run);

/// One execution of an integration.
#[Object]
impl Run {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Run, self.0.id)
    }

    /// The tenant that owns it.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// What it executes.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Quick<Integration>> {
        Ok(Quick(Integration(loaders(ctx)?.referred(self.0.integration_id, "integration").await?)))
    }

    /// How far it is.
    fn status(&self) -> RunStatus {
        self.0.status.into()
    }

    /// What started it.
    fn trigger(&self) -> RunTrigger {
        self.0.trigger.into()
    }

    /// Who or what started it, in words a customer understands.
    fn triggered_by(&self) -> &str {
        &self.0.triggered_by
    }

    /// The run whose failures this one retries.
    async fn retry_of(&self, ctx: &Context<'_>) -> Option<Result<Run>> {
        let id = self.0.retry_of_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Run))
    }

    /// The backfill whose range it reads; null for other runs.
    async fn backfill(&self, ctx: &Context<'_>) -> Option<Result<Backfill>> {
        let id = self.0.backfill_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Backfill))
    }

    /// The reconciliation that it does, and that it moves nothing for; or, of other runs, the one that came by itself after
    /// it. Null where there is none.
    async fn reconciliation(&self, ctx: &Context<'_>) -> Option<Result<Reconciliation>> {
        let row = async {
            let loaders = loaders(ctx)?;
            match self.0.reconciliation_id {
                Some(id) => loaders.row(id).await,
                None => loaders.reconciliation_after(self.0.id).await,
            }
        };
        row.await.transpose().map(|row| row.map(Reconciliation))
    }

    /// When it was asked for.
    fn queued_at(&self) -> DateTime {
        self.0.queued_at.into()
    }

    /// When a worker first took it; null while it waits.
    fn started_at(&self) -> Option<DateTime> {
        self.0.started_at.map(Into::into)
    }

    /// When its outcome was written; null before that.
    fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(Into::into)
    }

    /// Why it waits; null when it does not. A run that was begun waits too, between its attempts.
    async fn wait(&self, ctx: &Context<'_>) -> Option<Result<RunWait>> {
        let wait = self.waiting(ctx).await.transpose()?;
        Some(wait.map(|wait| RunWait { reason: wait.reason.into(), code: wait.code, message: wait.message }))
    }

    /// When it is tried next by itself; null where it runs, has ended, or waits for something else than a time.
    async fn next_attempt_at(&self, ctx: &Context<'_>) -> Option<Result<DateTime>> {
        let wait = self.waiting(ctx).await.transpose()?;
        wait.map(|wait| wait.next_attempt_at.map(DateTime::from)).transpose()
    }

    /// From start to finish, in milliseconds; null before it has finished, and for one that never started.
    fn duration_ms(&self) -> Option<BigInt> {
        let (started, finished) = (self.0.started_at?, self.0.finished_at?);
        Some((finished - started).num_milliseconds().max(0).into())
    }

    /// What became of its records, those of the pages that are done.
    fn counts(&self) -> RunCounts {
        run::RunCounts::of(&self.0).into()
    }

    /// Why a FAILED run failed as a whole; record failures are in `failures`.
    async fn failure(&self, ctx: &Context<'_>) -> Option<Result<Failure>> {
        let id = self.0.failure_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Failure))
    }

    /// Pages of it that a quality gate kept from being written.
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
            of: QuarantineParent::Run,
            filter: filter.unwrap_or_default().decode(),
            direction: direction.into(),
        };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, Quarantine))
    }

    /// What failed first in this run, whatever became of it since.
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
        let list = Failures { of: FailureParent::Run, list: failure_list(ctx, filter, order_by)? };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Listed::new(page, Failure))
    }

    /// What happened, oldest first, in the standard taxonomy; each viewer sees the events of their audience.
    async fn events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<RunEvent>> {
        let page = loaders(ctx)?.page(self.0.id, Events, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, RunEvent))
    }

    /// What was logged while a worker had it, oldest first; kept for as long as `Tenant.retention` says. Audience ENGINEER.
    async fn logs(
        &self,
        ctx: &Context<'_>,
        filter: Option<LogFilter>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<LogLine>> {
        let list = Logs { filter: filter.unwrap_or_default().decode()? };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, LogLine))
    }

    /// Its slices, in their order: the parts of streams that several workers read at once. Empty where one worker reads all.
    async fn slices(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<RunSlice>> {
        let page = loaders(ctx)?.page(self.0.id, Slices, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, RunSlice))
    }

    /// What it cost: where its time went, bytes, pages, retries. Stored each ten seconds while it runs, and when an attempt
    /// ends; null before that. Audience SUPPORT; null for others.
    async fn metrics(&self, ctx: &Context<'_>) -> Option<Result<RunMetrics>> {
        let metrics = async {
            if !actor(ctx)?.may(Permission::DiagnosticsRead) {
                return Ok(None);
            }
            loaders(ctx)?.metrics(self.0.id).await
        };
        metrics.await.transpose().map(|metrics| metrics.map(|metrics| RunMetrics::of(metrics, &self.0)))
    }

    /// OpenTelemetry trace id, 32 hex digits. Audience ENGINEER; null for others.
    async fn trace_id(&self, ctx: &Context<'_>) -> Option<Result<String>> {
        let trace_id = self.0.trace_id.clone()?;
        match actor(ctx) {
            Ok(actor) => (Audience::from(actor.audience()) == Audience::Engineer).then_some(Ok(trace_id)),
            Err(error) => Some(Err(error)),
        }
    }
}

ready_fields!(RunCounts {
    "read" => read,
    "created" => created,
    "updated" => updated,
    "unchanged" => unchanged,
    "skipped" => skipped,
    "failed" => failed,
    "deleted" => deleted,
    "unaccounted" => unaccounted,
});

put_enums!(RunStatus, RunTrigger);

ready!(Run {
    "status" => status,
    "trigger" => trigger,
    "triggeredBy" => triggered_by,
    "queuedAt" => queued_at,
    "startedAt" => started_at,
    "finishedAt" => finished_at,
    "durationMs" => duration_ms,
    "counts" => counts,
});

impl Run {
    async fn waiting(&self, ctx: &Context<'_>) -> Result<Option<run::RunWait>> {
        // What has ended needs no look at its job.
        match self.0.status {
            run::RunStatus::Queued | run::RunStatus::Running => loaders(ctx)?.wait(self.0.id).await,
            _ => Ok(None),
        }
    }
}

/// Which runs a list has; all conditions hold at once. What is asked for of one integration, retry, backfill or
/// reconciliation beside a status is looked for among its runs, in their order until the page is full; an operation may
/// take 30 seconds. A span of `queuedAt` has nothing else looked at.
#[derive(Debug, Default, InputObject)]
pub struct RunFilter {
    /// One of these.
    status: Option<Vec<RunStatus>>,
    /// Started by one of these. Staff who look for a rare one name a tenant, too: of every tenant's runs all that are newer
    /// are looked at.
    trigger: Option<Vec<RunTrigger>>,
    /// Of this integration.
    integration_id: Option<ID>,
    /// Of this tenant.
    tenant_id: Option<ID>,
    /// Kept from going on by this kill switch.
    kill_switch_id: Option<ID>,
    /// Asked for in this time.
    queued_at: Option<DateTimeFilter>,
}

impl RunFilter {
    pub(super) fn decode(self) -> run::RunFilter {
        let queued_at = self.queued_at.unwrap_or_default();
        run::RunFilter {
            status: self.status.map(|status| status.into_iter().map(Into::into).collect()),
            trigger: self.trigger.map(|trigger| trigger.into_iter().map(Into::into).collect()),
            integration_id: optional_uuid(Kind::Integration, self.integration_id.as_ref()),
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
            retry_id: None,
            backfill_id: None,
            reconciliation_id: None,
            kill_switch_id: optional_uuid(Kind::KillSwitch, self.kill_switch_id.as_ref()),
            queued_from: queued_at.gte.map(|time| time.0),
            queued_before: queued_at.lt.map(|time| time.0),
        }
    }
}

/// A span of time; both conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct DateTimeFilter {
    /// At or after.
    pub(super) gte: Option<DateTime>,
    /// Before.
    pub(super) lt: Option<DateTime>,
}

/// By what runs are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum RunOrderField {
    /// By the time they were asked for.
    #[default]
    QueuedAt,
}

/// Order of a list of runs; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct RunOrder {
    /// By what.
    #[graphql(default)]
    pub(super) field: RunOrderField,
    /// Which way.
    #[graphql(default)]
    pub(super) direction: OrderDirection,
}

/// Queries of runs.
#[derive(Default)]
pub struct RunQuery;

#[Object]
impl RunQuery {
    /// One run; null when there is none that the viewer may see.
    async fn run(&self, ctx: &Context<'_>, #[graphql(desc = "The run's id.")] id: ID) -> Option<Result<Run>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::Run, &id)).await };
        row.await.transpose().map(|row| row.map(Run))
    }

    /// Runs that the viewer may see.
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
        let list = run_list(ctx, filter, order_by)?;
        let rows = run::list(&actor(ctx)?, &list, &arguments(first, after, last, before)).await?;
        Ok(Listed::new(rows, Run))
    }
}

/// What a list of runs asks for.
pub(super) fn run_list(
    ctx: &Context<'_>,
    filter: Option<RunFilter>,
    order_by: Option<RunOrder>,
) -> Result<RunList> {
    let RunOrder { field: RunOrderField::QueuedAt, direction } = order_by.unwrap_or_default();
    Ok(RunList {
        filter: filter.unwrap_or_default().decode(),
        direction: direction.into(),
        parts: loaders(ctx)?.asked().run,
    })
}

/// Which records a retry of a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::run::RetryScope")]
pub enum RetryScope {
    /// Those that failed; for a run that could not go on, everything again.
    FailedRecords,
    /// Everything again, from the source. What arrived already is not written twice.
    AllRecords,
}

/// Which integration to run.
#[derive(InputObject)]
pub struct StartRunInput {
    /// Which integration.
    integration_id: ID,
    /// 1 to 255 bytes. The same key within 24 hours answers with the first run and starts none.
    idempotency_key: Option<String>,
}

/// Of which integrations to start runs.
#[derive(InputObject)]
pub struct StartRunsInput {
    /// Which integrations: 1 to 1,000, all of one tenant.
    integration_ids: Vec<ID>,
    /// 1 to 255 bytes. The same key within 24 hours answers with the first runs and starts none.
    idempotency_key: Option<String>,
}

/// Which run to cancel.
#[derive(InputObject)]
pub struct CancelRunInput {
    /// Which run.
    run_id: ID,
}

/// Which run to retry.
#[derive(InputObject)]
pub struct RetryRunInput {
    /// Which run; it must have ended.
    run_id: ID,
    /// Which of its records.
    scope: RetryScope,
    /// 1 to 255 bytes. The same key within 24 hours answers with the first run and starts none.
    idempotency_key: Option<String>,
}

/// A run, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct RunPayload {
    /// The run; null when `userErrors` is not empty.
    run: Option<Run>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl RunPayload {
    fn of(result: domain::Result<run::Run>) -> Result<Self> {
        let (run, user_errors) = outcome(result)?;
        Ok(Self { run: run.map(Run), user_errors })
    }
}

/// Runs, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct RunsPayload {
    /// The runs, in the order of the integrations; null when `userErrors` is not empty.
    runs: Option<Vec<Run>>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of runs.
#[derive(Default)]
pub struct RunMutation;

#[Object]
impl RunMutation {
    /// Starts a run. On an integration that is paused or held it is kept queued.
    async fn start_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration.")] input: StartRunInput,
    ) -> Result<RunPayload> {
        let id = uuid(Kind::Integration, &input.integration_id);
        RunPayload::of(run::start(&actor(ctx)?, id, input.idempotency_key.as_deref()).await)
    }

    /// Starts a run of each of these integrations, all or none. On those that are paused or held it is kept queued.
    async fn start_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integrations.")] input: StartRunsInput,
    ) -> Result<RunsPayload> {
        let ids: Vec<_> = input.integration_ids.iter().map(|id| uuid(Kind::Integration, id)).collect();
        let started = run::start_all(&actor(ctx)?, &ids, input.idempotency_key.as_deref()).await;
        let (runs, user_errors) = outcome(started)?;
        let runs = runs.map(|runs| runs.into_iter().map(Run).collect());
        Ok(RunsPayload { runs, user_errors })
    }

    /// Cancels a run: at once when it waits, within seconds when a worker has it. What is done stays.
    async fn cancel_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run.")] input: CancelRunInput,
    ) -> Result<RunPayload> {
        RunPayload::of(run::cancel(&actor(ctx)?, uuid(Kind::Run, &input.run_id)).await)
    }

    /// Retries a run that has ended, as a new run.
    async fn retry_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run and which of its records.")] input: RetryRunInput,
    ) -> Result<RunPayload> {
        let id = uuid(Kind::Run, &input.run_id);
        let key = input.idempotency_key.as_deref();
        RunPayload::of(run::retry(&actor(ctx)?, id, input.scope.into(), key).await)
    }
}

/// Live updates of runs.
#[derive(Default)]
pub struct RunSubscription;

#[Subscription]
impl RunSubscription {
    /// Runs that the viewer may see, each as it is after it changed. Changes in quick succession arrive as one. With
    /// a run's id, its state now comes first. With `since`, runs that changed meanwhile come first, as `failureChanged` has
    /// it, and with them all that are under way.
    async fn run_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only runs of this integration.")] integration_id: Option<ID>,
        #[graphql(desc = "Only this run.")] run_id: Option<ID>,
        #[graphql(
            desc = "What has changed since comes first: `extensions.since` of the last event, or when you read or \
                          subscribed last."
        )]
        since: Option<DateTime>,
    ) -> Result<BoxStream<'static, Result<Run>>> {
        let watch = Watch {
            id: optional_uuid(Kind::Run, run_id.as_ref()),
            integration_id: optional_uuid(Kind::Integration, integration_id.as_ref()),
            since: since.map(|since| since.0),
        };
        live::watch(ctx, watch, Run).await
    }
}

//! What a worker may write while it has a run: every transaction names the fencing token first, so that a worker
//! that lost its lease can write nothing more.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use connector::{SystemError, SystemErrorKind};
use entity::failure::{self, FailureStatus};
use entity::integration::{IntegrationStatus, SyncMode};
use entity::job::{self, JobStatus};
use entity::run::{self, RunScope};
use entity::run_event::Audience;
use entity::{integration, kill_switch, run_slice, run_stream, stream_cursor};
use futures::stream::{BoxStream, StreamExt};
use pipeline::{LedgerError, RECORD_QUARANTINED, Side, StoredRecord, StreamProgress, StreamStop};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use super::aftermath::Aftermath;
use super::circuit::{Failing, WAIT_CODE, count_failure};
use super::claim::lease_duration;
use super::ending::{FinishedStream, RunEnd};
use super::exchange::KeptExchanges;
use super::failed::clean;
use super::failure_group::KnownGroups;
use super::impact::Judges;
use super::kill_switch::held;
use super::metric::{self, Meter};
use super::quarantine::ClosedPage;
use super::receipt::{Segments, Stride};
use crate::app::App;
use crate::dispatch::{JobHint, Priority};
use crate::error::{Doing, Error, Result};
use crate::incident::fault::OF_REQUESTS;
use crate::integration::RetryPolicy;
use crate::run_event::{self, NewEvent};
use crate::run_slice as slices;
use crate::scope::{TxScope, all_set};
use crate::words;

/// Stored records read at once for a retry; each can have megabytes.
const RETRIED_ROWS: u64 = 50;

/// A worker's hold on a run. Every write goes through it.
pub struct RunLease {
    pub(super) app: Arc<App>,
    pub(super) job_id: Uuid,
    pub(super) token: Uuid,
    pub(super) attempt: i32,
    max_attempts: i32,
    priority: i16,
    /// Of the job.
    traceparent: Option<String>,
    pub(super) run: run::Model,
    /// The slice of it that this is, beside others.
    pub(super) slice: Option<run_slice::Model>,
    pub(super) integration: integration::Model,
    /// Earlier failures of records are open, that a write may supersede.
    pub(super) supersedes: bool,
    pub(super) pages: AtomicU64,
    /// It has said of a system that calls fail.
    pub(super) suspects: AtomicBool,
    /// Its destination has answered to something.
    pub(super) wrote: AtomicBool,
    /// Groups that its failures are in, those that are stored: how the integration is was derived with them.
    pub(super) stored_groups: Mutex<HashSet<Uuid>>,
    /// It is the probe of a system.
    pub(super) is_probe: bool,
    /// How its records lie among their streams' receipts.
    pub(super) stride: Stride,
    /// And how values lie that must be unique.
    pub(super) stride_of_values: Stride,
    /// And what is merged, which lies close together.
    pub(super) stride_of_merges: Stride,
    /// Receipts of strewn keys that are not merged yet.
    pub(super) segments: Segments,
    /// Groups of its failures.
    pub(super) groups: KnownGroups,
    /// How much depends on them.
    pub(super) judges: Judges,
    /// What it costs.
    pub(super) meter: Meter,
    /// What failures came of that it has kept.
    pub(super) exchanges: KeptExchanges,
}

/// Why a job is to be tried again later.
struct Wait {
    /// Of the failure that it would be.
    code: String,
    /// For engineers.
    error: String,
    /// Because of which system.
    system_id: Option<Uuid>,
    /// Which may not be the reason.
    is_doubted: bool,
}

/// The answer to a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Go on.
    Renewed,
    /// Stop: somebody asked to cancel the run.
    CancelRequested,
    /// Stop after this page and hand the job back: a kill switch is engaged that reaches it.
    StopRequested,
    /// Stop after this page: another run of the integration goes first.
    YieldRequested,
    /// A slice: stop after this page and hand the job back. Another slice could not go on, or holds the integration.
    HandBackRequested,
    /// Stop: another worker has it.
    Lost,
}

impl RunLease {
    pub(super) fn new(
        app: Arc<App>,
        job: &job::Model,
        run: run::Model,
        slice: Option<run_slice::Model>,
        token: Uuid,
        integration: integration::Model,
        supersedes: bool,
    ) -> Self {
        Self {
            app,
            job_id: job.id,
            token,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            priority: job.priority,
            traceparent: job.traceparent.clone(),
            run,
            slice,
            integration,
            supersedes,
            is_probe: false,
            pages: AtomicU64::new(0),
            suspects: AtomicBool::new(false),
            wrote: AtomicBool::new(false),
            stored_groups: Mutex::default(),
            stride: Stride::default(),
            stride_of_values: Stride::default(),
            stride_of_merges: Stride::default(),
            segments: Segments::default(),
            groups: KnownGroups::default(),
            judges: Judges::default(),
            meter: Meter::start(),
            exchanges: KeptExchanges::default(),
        }
    }

    /// The same, as the probe of a system or not.
    pub(super) fn probing(self, is_probe: bool) -> Self {
        Self { is_probe, ..self }
    }

    /// The run.
    pub fn run_id(&self) -> Uuid {
        self.run.id
    }

    /// Whether it is a slice of the run, and others run beside it.
    pub fn is_slice(&self) -> bool {
        self.slice.is_some()
    }

    /// The trace that it belongs to.
    pub fn trace_id(&self) -> Option<&str> {
        self.run.trace_id.as_deref()
    }

    /// The span that its execution goes on with; `None` while traces are off where it was asked for.
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    /// Whose it is.
    pub fn tenant_id(&self) -> Uuid {
        self.run.tenant_id
    }

    /// What it executes.
    pub fn integration_id(&self) -> Uuid {
        self.run.integration_id
    }

    /// Whether claiming the job again may help after a transient stop.
    pub fn may_try_again(&self) -> bool {
        self.attempt < self.max_attempts || self.made_progress()
    }

    /// How patient its integration is.
    pub fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy::of(&self.integration, &self.app)
    }

    /// What time it is.
    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock().now()
    }

    /// Claims of its job in a row without progress, this one included.
    pub fn attempt(&self) -> i32 {
        if self.made_progress() { 1 } else { self.attempt }
    }

    pub(super) fn made_progress(&self) -> bool {
        self.pages.load(Ordering::Relaxed) > 0
    }

    /// Begins a transaction that holds the job's row: nobody can take it over until it ends.
    pub(super) async fn fenced(&self) -> Result<Option<TxScope>> {
        let tx = TxScope::begin(&self.app, self.run.tenant_id).await?;
        Ok(self.renewed_in(&tx).await?.then_some(tx))
    }

    /// The same for what may change the jobs of other slices as well: locks all of them first.
    pub(super) async fn fenced_with_run(&self) -> Result<Option<TxScope>> {
        let tx = TxScope::begin(&self.app, self.run.tenant_id).await?;
        if self.slice.is_some() {
            crate::job::lock_of_run_and_integration(&tx, self.run.integration_id, self.run.id).await?;
        }
        Ok(self.renewed_in(&tx).await?.then_some(tx))
    }

    async fn renewed_in(&self, tx: &TxScope) -> Result<bool> {
        let until = self.app.clock().now() + lease_duration(self.app.lease());
        let renewed = tx
            .update::<job::Entity>()
            .col_expr(job::Column::LeaseUntil, Expr::value(Some(until)))
            .filter(job::Column::Id.eq(self.job_id))
            .filter(job::Column::Status.eq(JobStatus::Running))
            .filter(job::Column::LeaseToken.eq(self.token))
            .exec(tx.connection())
            .await
            .doing("renewing a lease")?;
        Ok(renewed.rows_affected == 1)
    }

    /// Extends the lease, and hears whether the run is to stop.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; try again before the lease ends.
    pub async fn renew(&self) -> Result<Renewal> {
        let Some(tx) = self.fenced().await? else { return Ok(Renewal::Lost) };
        let job = self.job(&tx).await?;
        let yields = self.is_to_yield(&tx).await?;
        let stops = match (&self.slice, &job) {
            (Some(_), Some(job)) => self.is_to_hand_back(&tx, job).await?,
            _ => false,
        };
        if self.meter.is_due() {
            self.commit_measured(tx).await?;
        } else {
            tx.commit().await?;
        }
        Ok(match job {
            Some(_) if stops => Renewal::HandBackRequested,
            Some(job) if job.cancel_requested => Renewal::CancelRequested,
            Some(job) if job.kill_switch_id.is_some() => Renewal::StopRequested,
            _ if yields => Renewal::YieldRequested,
            _ => Renewal::Renewed,
        })
    }

    /// What the run waits for. Whoever runs its streams tells by it, and how long that took is counted.
    pub fn progress(&self) -> &StreamProgress {
        &self.meter.progress
    }

    /// The process has so much memory now, in bytes.
    pub fn saw_memory(&self, bytes: u64) {
        self.meter.saw_memory(bytes);
    }

    /// Commits, and with it what the attempt has cost since it was stored last.
    pub(super) async fn commit_measured(&self, tx: TxScope) -> Result<()> {
        let (row, measured) = self.meter.take(self.run.tenant_id, self.run.id, self.app.clock().now());
        metric::add(tx.connection(), vec![row]).await?;
        tx.commit().await?;
        self.meter.was_stored(measured);
        Ok(())
    }

    /// A backfill lets other runs of its integration go first; but not before it has done a page of its own, so that it
    /// ends some day whatever else runs.
    async fn is_to_yield(&self, tx: &TxScope) -> Result<bool> {
        if self.run.backfill_id.is_none() || !self.made_progress() {
            return Ok(false);
        }
        let other = tx
            .find::<job::Entity>()
            .filter(job::Column::IntegrationId.eq(self.run.integration_id))
            .filter(job::Column::Status.eq(JobStatus::Waiting))
            .filter(job::Column::Priority.gt(Priority::Low as i16))
            .limit(1)
            .one(tx.connection())
            .await
            .doing("looking for a run that waits")?;
        Ok(other.is_some())
    }

    /// Whether this slice stops for another one, and not because somebody canceled the run.
    async fn is_to_hand_back(&self, tx: &TxScope, job: &job::Model) -> Result<bool> {
        if job.cancel_requested {
            let canceled = tx
                .find::<job::Entity>()
                .filter(job::Column::SubjectId.eq(self.run.id))
                .filter(job::Column::SliceId.is_null())
                .filter(job::Column::CancelRequested.eq(true))
                .one(tx.connection())
                .await
                .doing("reading the job of a divided run")?;
            return Ok(canceled.is_none());
        }
        let held = tx
            .find::<integration::Entity>()
            .filter(integration::Column::Id.eq(self.run.integration_id))
            .filter(integration::Column::Status.eq(IntegrationStatus::Held))
            .one(tx.connection())
            .await
            .doing("looking whether an integration is held")?;
        Ok(held.is_some())
    }

    /// Whether somebody asked to cancel the run; the job's row is this lease's.
    pub(super) async fn cancel_is_requested(&self, tx: &TxScope) -> Result<bool> {
        Ok(self.job(tx).await?.is_some_and(|job| job.cancel_requested))
    }

    pub(super) async fn job(&self, tx: &TxScope) -> Result<Option<job::Model>> {
        tx.find::<job::Entity>()
            .filter(job::Column::Id.eq(self.job_id))
            .one(tx.connection())
            .await
            .doing("reading a job")
    }

    /// The kill switch that the job is to stop for, if it is one.
    #[expect(clippy::disallowed_methods, reason = "by its id, which the job's row names")]
    async fn kill_switch(&self, tx: &TxScope) -> Result<Option<kill_switch::Model>> {
        let Some(id) = self.job(tx).await?.and_then(|job| job.kill_switch_id) else { return Ok(None) };
        // Beside the transaction, which does not see what reaches several tenants.
        kill_switch::Entity::find_by_id(id)
            .one(self.app.across_tenants().reader())
            .await
            .doing("reading a kill switch")
    }

    /// Records of the failures that this run retries, those of one stream.
    pub fn stored_records(
        &self,
        stream: &str,
    ) -> BoxStream<'static, std::result::Result<StoredRecord, LedgerError>> {
        struct Reader {
            app: Arc<App>,
            tenant_id: Uuid,
            run_id: Uuid,
            stream: String,
            is_full: bool,
            after: Uuid,
        }
        let reader = Reader {
            app: self.app.clone(),
            tenant_id: self.run.tenant_id,
            run_id: self.run.id,
            stream: stream.to_owned(),
            is_full: self
                .integration
                .streams
                .0
                .iter()
                .any(|row| row.name == stream && row.mode == SyncMode::Full),
            after: Uuid::nil(),
        };
        let chunks = futures::stream::try_unfold(reader, async |mut reader: Reader| {
            let scope = crate::scope::Scope::new(
                reader.app.clone(),
                crate::actor::Tenants::Some(vec![reader.tenant_id]),
            );
            let rows = scope
                .find::<failure::Entity>()
                .filter(failure::Column::RetryRunId.eq(reader.run_id))
                .filter(failure::Column::Status.eq(FailureStatus::Retrying))
                .filter(failure::Column::Stream.eq(reader.stream.as_str()))
                .filter(failure::Column::Record.is_not_null())
                .filter(failure::Column::Id.gt(reader.after))
                .order_by(failure::Column::Id, sea_orm::Order::Asc)
                .limit(RETRIED_ROWS)
                .all()
                .await
                .map_err(storage)?;
            let Some(last) = rows.last() else { return Ok(None) };
            reader.after = last.id;
            let kept = rows.iter().filter(|row| reader.is_full && row.code == RECORD_QUARANTINED);
            let divided = slices::divided(&scope, &reader.stream, kept.map(|row| row.run_id)).await;
            let divided = divided.map_err(storage)?;
            let mut records = Vec::with_capacity(rows.len());
            for row in rows {
                let Some(sealed) = row.edited_record.as_ref().or(row.record.as_ref()) else { continue };
                let text = reader.app.unseal(row.tenant_id, row.id, sealed).map_err(storage)?;
                let value: Value =
                    serde_json::from_slice(&text).doing("reading a stored record").map_err(storage)?;
                let record = match value {
                    Value::Object(record) => record,
                    // The raw text of something that was no record: it fails again, by its missing key.
                    _ => serde_json::Map::new(),
                };
                records.push(Ok(StoredRecord {
                    failure: row.id,
                    unless_written_by: divided.contains(&row.run_id).then_some(row.run_id),
                    record: record.into(),
                    size_bytes: text.len() as u64,
                }));
            }
            Ok(Some((futures::stream::iter(records), reader)))
        });
        futures::TryStreamExt::try_flatten(chunks).boxed()
    }

    /// Stores that a stream went through, and where the next run of it begins.
    ///
    /// # Errors
    /// [`LedgerError::LostLease`], or storage.
    pub async fn finish_stream(&self, finished: &FinishedStream) -> std::result::Result<(), LedgerError> {
        let tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        self.finish_stream_in(&tx, finished).await.map_err(storage)?;
        tx.commit().await.map_err(storage)
    }

    #[expect(clippy::disallowed_methods, reason = "an upsert of a row of the tenant")]
    pub(super) async fn finish_stream_in(&self, tx: &TxScope, finished: &FinishedStream) -> Result<()> {
        let now = self.app.clock().now();
        tx.update::<run_stream::Entity>()
            .col_expr(run_stream::Column::FinishedAt, Expr::value(Some(now)))
            .col_expr(run_stream::Column::UpdatedAt, Expr::value(now))
            .filter(run_stream::Column::RunId.eq(self.run.id))
            .filter(run_stream::Column::Stream.eq(finished.stream.as_str()))
            .exec(tx.connection())
            .await
            .doing("storing that a stream went through")?;
        if let Some((breach, counts)) = &finished.breach {
            let page = ClosedPage::at_the_end(&finished.stream, breach.clone(), counts.clone());
            self.store_quarantine(tx, page).await?;
        }
        let Some(row) = finished.cursor_row(&self.run, now) else { return Ok(()) };
        use stream_cursor::Column;
        stream_cursor::Entity::insert(all_set::<stream_cursor::Entity>(row))
            .on_conflict(
                OnConflict::columns([Column::TenantId, Column::IntegrationId, Column::Stream])
                    .update_columns([Column::Watermark, Column::RunId, Column::UpdatedAt])
                    .to_owned(),
            )
            .exec_without_returning(tx.connection())
            .await
            .doing("storing a watermark")?;
        Ok(())
    }

    /// Gives the job back, to be claimed again after a wait: the run stays RUNNING and goes on from its
    /// checkpoint; one that was canceled meanwhile ends. False when the lease was lost.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; the lease will end and the run go on elsewhere.
    pub async fn give_back(
        &self,
        stream: &str,
        stop: &StreamStop,
        wait: std::time::Duration,
    ) -> Result<bool> {
        if self.renew().await? == Renewal::CancelRequested {
            let (stream, stop) = (stream.to_owned(), StreamStop::Canceled);
            return self.finish(RunEnd::Stopped { stream, stop }).await;
        }
        let next =
            self.app.clock().now() + chrono::Duration::from_std(wait).unwrap_or(chrono::Duration::zero());
        let code = stop.code().unwrap_or_default();
        let event = NewEvent::new(
            "retry.scheduled",
            "worker",
            format!("{} We try again by ourselves.", transient(&code)),
        )
        .attributes(
            json!({ "stream": stream, "code": &code, "attempt": self.attempt(), "nextAttemptAt": next }),
        );
        let why = Wait {
            code,
            error: super::failed::chain(stop),
            system_id: self.failing_system(stop),
            is_doubted: is_doubted(stop),
        };
        self.requeue(self.attempt(), next, Some(why), event).await
    }

    /// Hands the job back unharmed, because this worker or a kill switch stops it. False when the lease was lost.
    ///
    /// # Errors
    /// As [`give_back`](Self::give_back).
    pub async fn hand_back(&self) -> Result<bool> {
        let event =
            NewEvent::new("run.handed_back", "worker", "The worker lets the run go; it goes on later.")
                .audience(Audience::Support);
        self.requeue(self.attempt() - 1, self.app.clock().now(), None, event).await
    }

    /// Lets another run of the integration go first, and waits for its turn like one that has not begun; it goes on from
    /// its checkpoint then. False when the lease was lost.
    ///
    /// # Errors
    /// As [`give_back`](Self::give_back).
    pub async fn yield_turn(&self) -> Result<bool> {
        let Some(mut tx) = self.fenced().await? else { return Ok(false) };
        let job = self.job(&tx).await?;
        if job.is_some_and(|job| job.cancel_requested || job.kill_switch_id.is_some()) {
            // That is not to wait for the other run: the next claim hears it at once.
            drop(tx);
            return self.hand_back().await;
        }
        tx.update::<job::Entity>()
            .col_expr(job::Column::Status, Expr::value(JobStatus::Waiting))
            .col_expr(job::Column::Begun, Expr::value(false))
            .col_expr(job::Column::Attempt, Expr::value(0))
            .col_expr(job::Column::LeaseToken, Expr::value(None::<Uuid>))
            .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .filter(job::Column::Id.eq(self.job_id))
            .exec(tx.connection())
            .await
            .doing("letting another run go first")?;
        let message = "Another run of the integration goes first; this one goes on after it.";
        let event = NewEvent::new("run.handed_back", "worker", message);
        run_event::record(&tx, self.run.id, vec![event]).await?;
        crate::job::release_next(&mut tx, self.run.integration_id).await?;
        tx.tell_under_way(crate::run::changed(&self.run));
        self.commit_measured(tx).await?;
        Ok(true)
    }

    async fn requeue(
        &self,
        attempt: i32,
        available_at: DateTime<Utc>,
        why: Option<Wait>,
        event: NewEvent,
    ) -> Result<bool> {
        let Some(mut tx) = self.fenced_with_run().await? else { return Ok(false) };
        if let Some(slice) = &self.slice
            && self.cancel_is_requested(&tx).await?
        {
            self.stop_slice(&mut tx, slice).await?;
            self.commit_measured(tx).await?;
            return Ok(true);
        }
        let now = self.app.clock().now();
        let mut events = vec![event];
        let mut aftermath = Aftermath::default();
        let (mut available_at, mut code) = (available_at, why.as_ref().map(|why| why.code.clone()));
        let failed = why
            .as_ref()
            .and_then(|why| Some((why.system_id?, Failing { code: &why.code, is_doubted: why.is_doubted })));
        if let Some((system_id, failing)) = failed
            && let Some((until, event)) = count_failure(&tx, self, system_id, &failing).await?
        {
            available_at = available_at.max(until);
            code = Some(WAIT_CODE.to_owned());
            events.push(event);
            aftermath.systems_changed([system_id]);
        }
        let stopped_by = self.kill_switch(&tx).await?;
        let status = if stopped_by.is_some() { JobStatus::Held } else { JobStatus::Queued };
        tx.update::<job::Entity>()
            .col_expr(job::Column::Status, Expr::value(status))
            .col_expr(job::Column::Attempt, Expr::value(attempt))
            .col_expr(job::Column::AvailableAt, Expr::value(available_at))
            .col_expr(job::Column::PushAt, Expr::value(available_at))
            .col_expr(job::Column::LeaseToken, Expr::value(None::<Uuid>))
            .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(job::Column::WaitCode, Expr::value(code))
            .col_expr(job::Column::LastError, Expr::value(why.map(|why| clean(&why.error, 4_000))))
            .filter(job::Column::Id.eq(self.job_id))
            .exec(tx.connection())
            .await
            .doing("giving a job back")?;
        events.extend(stopped_by.as_ref().map(held));
        run_event::record(&tx, self.run.id, events).await?;
        if available_at <= now && stopped_by.is_none() {
            tx.push_after_commit(JobHint {
                job_id: self.job_id,
                tenant_id: self.run.tenant_id,
                priority: self.priority(),
            });
        }
        tx.tell_under_way(crate::run::changed(&self.run));
        aftermath.settle(&tx).await?;
        self.commit_measured(tx).await?;
        Ok(true)
    }

    /// A run that has begun goes on before others begin. A slice is as urgent as its run was, or those of one large table
    /// would go before everything else of the tenant.
    fn priority(&self) -> Priority {
        match self.slice {
            Some(_) => Priority::from_i16(self.priority),
            None => Priority::Resumed,
        }
    }

    /// The systems that this run has used, and that are there: a retry of stored records reads none, and what did not
    /// change is sent to none that can't compare.
    pub(super) fn used_systems(&self) -> impl Iterator<Item = Uuid> + use<> {
        let source = (self.run.scope == RunScope::AllRecords).then_some(self.integration.source_id);
        let wrote = self.wrote.load(Ordering::Relaxed);
        source.into_iter().chain(wrote.then_some(self.integration.destination_id))
    }

    /// The system at an end.
    pub(super) fn system_at(&self, side: Side) -> Uuid {
        match side {
            Side::Source => self.integration.source_id,
            Side::Destination => self.integration.destination_id,
        }
    }

    /// The system that an attempt failed because of, if one was down or busy, or hung.
    pub(super) fn failing_system(&self, stop: &StreamStop) -> Option<Uuid> {
        match stop {
            StreamStop::Source { error, .. } if error.kind.is_transient() => Some(self.integration.source_id),
            StreamStop::Destination { error, .. } if error.kind.is_transient() => {
                Some(self.integration.destination_id)
            }
            StreamStop::Stalled { waited, .. } => waited.side().map(|side| self.system_at(side)),
            _ => None,
        }
    }

    /// The system that refused an attempt: it is there, so nobody need wait for it.
    pub(super) fn answering_system(&self, stop: &StreamStop) -> Option<Uuid> {
        use SystemErrorKind::{Malformed, NotFound, Unauthorized};
        let answered = |error: &SystemError| matches!(error.kind, Unauthorized | NotFound | Malformed);
        match stop {
            StreamStop::Source { error, .. } if answered(error) => Some(self.integration.source_id),
            StreamStop::Destination { error, .. } if answered(error) => Some(self.integration.destination_id),
            _ => None,
        }
    }

    /// A run that makes progress may crash as often as it likes: only claims in a row without any are counted.
    pub(super) async fn forget_attempts(&self, tx: &TxScope) -> Result<()> {
        tx.update::<job::Entity>()
            .col_expr(job::Column::Attempt, Expr::value(1))
            .filter(job::Column::Id.eq(self.job_id))
            .exec(tx.connection())
            .await
            .doing("counting attempts anew")?;
        Ok(())
    }
}

/// Whether an attempt may have stopped because of what it asked for, though the reply speaks of the server.
pub(super) fn is_doubted(stop: &StreamStop) -> bool {
    match stop {
        StreamStop::Source { error, .. } | StreamStop::Destination { error, .. } => {
            error.http_status.is_some_and(|status| OF_REQUESTS.contains(&status))
        }
        _ => false,
    }
}

pub(super) fn storage(error: Error) -> LedgerError {
    LedgerError::Storage(Box::new(error))
}

/// The catalogue's words for the run, as a sentence.
pub(super) fn transient(code: &str) -> String {
    let happened = words::shipped_english().happened(code, "The run");
    format!("{happened}{}", if happened.ends_with('.') { "" } else { "." })
}

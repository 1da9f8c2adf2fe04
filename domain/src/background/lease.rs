//! What a worker may write while it has a run: every transaction names the fencing token first, so that a worker
//! that lost its lease can write nothing more.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector::Cursor;
use entity::failure::{self, FailureStage, FailureStatus, FieldError, FieldErrorList};
use entity::job::{self, JobStatus};
use entity::run::{self, RunScope, RunStatus};
use entity::run_event::Audience;
use entity::system::{self, SystemStatus};
use entity::{integration, run_stream, stream_cursor};
use futures::stream::{BoxStream, StreamExt};
use pipeline::{
    AccountedPage, Ledger, LedgerError, Receipt, RecordFailure, RetryNotice, Stage, StoredRecord, StreamStop,
};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use super::claim::lease_duration;
use super::failed::{WholeFailure, clean, end_failed};
use super::{receipt, recovery};
use crate::app::App;
use crate::dispatch::{JobHint, Priority};
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::run_event::{self, NewEvent};
use crate::scope::{TxScope, all_set};
use crate::{catalogue, job as jobs};

/// Rejected records of a page that get an event each; the others share one.
const REJECTED_EVENTS_MAX: usize = 20;
/// Stored records read at once for a retry.
const RETRIED_ROWS: u64 = 500;
/// Failures of a page that listeners are told of one by one.
const TOLD_FAILURES_MAX: usize = 200;

/// A worker's hold on a run. Every write goes through it.
pub struct RunLease {
    app: Arc<App>,
    job_id: Uuid,
    token: Uuid,
    attempt: i32,
    max_attempts: i32,
    priority: Priority,
    run: run::Model,
    integration: integration::Model,
    /// Earlier failures of records are open, that a write may supersede.
    supersedes: bool,
    pages: AtomicU64,
}

/// The answer to a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Go on.
    Renewed,
    /// Stop: somebody asked to cancel the run.
    CancelRequested,
    /// Stop: another worker has it.
    Lost,
}

/// How a run ended, as its worker saw it.
#[derive(Debug)]
pub enum RunEnd {
    /// Every stream went through.
    Completed,
    /// A stream stopped.
    Stopped {
        /// Which.
        stream: String,
        /// Why.
        stop: StreamStop,
    },
}

impl RunLease {
    pub(super) fn new(
        app: Arc<App>,
        job: &job::Model,
        run: run::Model,
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
            priority: Priority::from_i16(job.priority),
            run,
            integration,
            supersedes,
            pages: AtomicU64::new(0),
        }
    }

    /// The run.
    pub fn run_id(&self) -> Uuid {
        self.run.id
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

    /// Claims of its job in a row without progress, this one included.
    pub fn attempt(&self) -> i32 {
        if self.made_progress() { 1 } else { self.attempt }
    }

    fn made_progress(&self) -> bool {
        self.pages.load(Ordering::Relaxed) > 0
    }

    /// Begins a transaction that holds the job's row: nobody can take it over until it ends.
    async fn fenced(&self) -> Result<Option<TxScope>> {
        let tx = TxScope::begin(&self.app, self.run.tenant_id).await?;
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
        Ok((renewed.rows_affected == 1).then_some(tx))
    }

    /// Extends the lease, and hears whether the run is to stop.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; try again before the lease ends.
    pub async fn renew(&self) -> Result<Renewal> {
        let Some(tx) = self.fenced().await? else { return Ok(Renewal::Lost) };
        let job = tx
            .find::<job::Entity>()
            .filter(job::Column::Id.eq(self.job_id))
            .one(tx.connection())
            .await
            .doing("reading a job")?;
        tx.commit().await?;
        Ok(match job {
            Some(job) if job.cancel_requested => Renewal::CancelRequested,
            Some(_) => Renewal::Renewed,
            None => Renewal::Lost,
        })
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
            after: Uuid,
        }
        let reader = Reader {
            app: self.app.clone(),
            tenant_id: self.run.tenant_id,
            run_id: self.run.id,
            stream: stream.to_owned(),
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
                records.push(Ok(StoredRecord { failure: row.id, record }));
            }
            Ok(Some((futures::stream::iter(records), reader)))
        });
        futures::TryStreamExt::try_flatten(chunks).boxed()
    }

    /// Stores that a stream went through, and where the next run of it begins.
    ///
    /// # Errors
    /// [`LedgerError::LostLease`], or storage.
    pub async fn finish_stream(
        &self,
        stream: &str,
        watermark: Option<Cursor>,
    ) -> std::result::Result<(), LedgerError> {
        let tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        self.finish_stream_in(&tx, stream, watermark).await.map_err(storage)?;
        tx.commit().await.map_err(storage)
    }

    #[expect(clippy::disallowed_methods, reason = "an upsert of a row of the tenant")]
    async fn finish_stream_in(&self, tx: &TxScope, stream: &str, watermark: Option<Cursor>) -> Result<()> {
        let now = self.app.clock().now();
        tx.update::<run_stream::Entity>()
            .col_expr(run_stream::Column::FinishedAt, Expr::value(Some(now)))
            .col_expr(run_stream::Column::UpdatedAt, Expr::value(now))
            .filter(run_stream::Column::RunId.eq(self.run.id))
            .filter(run_stream::Column::Stream.eq(stream))
            .exec(tx.connection())
            .await
            .doing("storing that a stream went through")?;
        let Some(watermark) = watermark else { return Ok(()) };
        let row = stream_cursor::Model {
            tenant_id: self.run.tenant_id,
            integration_id: self.run.integration_id,
            stream: stream.to_owned(),
            watermark,
            run_id: self.run.id,
            updated_at: now,
        };
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

    /// Ends the run and its job in one transaction. False when the lease was lost, and nothing was written.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; the lease will end and the run go on elsewhere.
    pub async fn finish(&self, end: RunEnd) -> Result<bool> {
        let Some(mut tx) = self.fenced().await? else { return Ok(false) };
        let now = self.app.clock().now();
        tx.update::<job::Entity>()
            .col_expr(job::Column::Status, Expr::value(JobStatus::Done))
            .col_expr(job::Column::FinishedAt, Expr::value(Some(now)))
            .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .filter(job::Column::Id.eq(self.job_id))
            .exec(tx.connection())
            .await
            .doing("ending a job")?;
        match end {
            RunEnd::Completed => self.complete(&mut tx).await?,
            RunEnd::Stopped { stream, stop } => match WholeFailure::of(&stream, &stop) {
                None => crate::run::end_canceled(&mut tx, &self.run).await?,
                Some(whole) => {
                    tracing::info!(
                        tenant.id = %self.run.tenant_id, run.id = %self.run.id, stream,
                        error = super::failed::chain(&stop), "a run could not go on"
                    );
                    end_failed(&mut tx, &self.run, whole).await?;
                }
            },
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn complete(&self, tx: &mut TxScope) -> Result<()> {
        let now = self.app.clock().now();
        let run = tx
            .find::<run::Entity>()
            .filter(run::Column::Id.eq(self.run.id))
            .one(tx.connection())
            .await
            .doing("reading a run")?
            .ok_or_else(|| Error::internal("reading a run", "it is not there"))?;
        let counts = crate::run::RunCounts::of(&run);
        let status = if counts.failed > 0 || counts.unaccounted() > 0 {
            RunStatus::Partial
        } else {
            RunStatus::Succeeded
        };
        tx.update::<run::Entity>()
            .col_expr(run::Column::Status, Expr::value(status))
            .col_expr(run::Column::FinishedAt, Expr::value(Some(now)))
            .filter(run::Column::Id.eq(run.id))
            .exec(tx.connection())
            .await
            .doing("storing that a run finished")?;
        let message = match status {
            RunStatus::Succeeded => "Every record arrived.".to_owned(),
            _ => {
                format!("{} of {} records did not arrive.", counts.failed + counts.unaccounted(), counts.read)
            }
        };
        let event = NewEvent::new("run.finished", "worker", message).attributes(json!({
            "status": status, "read": counts.read, "created": counts.created, "updated": counts.updated,
            "unchanged": counts.unchanged, "skipped": counts.skipped, "failed": counts.failed,
        }));
        run_event::record(tx, run.id, vec![event]).await?;
        let mut runs = self.settle_whole_failures(tx).await?;
        runs.insert(run.id);
        crate::retry::let_go(tx, &run).await?;
        recovery::recover(tx, &runs).await?;
        // A run that read and wrote has tested both ends.
        let ends = [self.integration.source_id, self.integration.destination_id];
        tx.update::<system::Entity>()
            .col_expr(system::Column::Status, Expr::value(SystemStatus::Healthy))
            .col_expr(system::Column::StatusMessage, Expr::value(None::<String>))
            .filter(system::Column::Id.is_in(ends))
            .filter(system::Column::Status.ne(SystemStatus::Healthy))
            .exec(tx.connection())
            .await
            .doing("storing that systems are healthy")?;
        jobs::release_next(tx, run.integration_id).await?;
        tx.tell_after_commit(crate::run::changed(&run));
        Ok(())
    }

    /// A run that went through settles failures of earlier runs as a whole: those that it retried are resolved,
    /// and what else could not go on before has gone on now.
    async fn settle_whole_failures(&self, tx: &mut TxScope) -> Result<BTreeSet<Uuid>> {
        let whole = Condition::all()
            .add(failure::Column::IntegrationId.eq(self.run.integration_id))
            .add(failure::Column::RecordKey.is_null())
            .add(failure::Column::Position.is_null())
            .add(failure::Column::Record.is_null());
        let retried = whole
            .clone()
            .add(failure::Column::RetryRunId.eq(self.run.id))
            .add(failure::Column::Status.eq(FailureStatus::Retrying));
        let mut settled = self.settle(tx, retried, FailureStatus::Resolved).await?;
        if let Some(retry_id) = self.run.retry_id
            && !settled.is_empty()
        {
            crate::retry::progress(tx, retry_id, settled.len() as u64, 0).await?;
        }
        let open = whole.add(failure::Column::Status.eq(FailureStatus::Open));
        let open = match (self.run.scope, self.run.retry_of_id) {
            (RunScope::AllRecords, _) => open,
            // It read only stored records: it settles other retries of the same run.
            (RunScope::FailedRecords, Some(original)) => {
                let siblings = sea_orm::sea_query::Query::select()
                    .column(run::Column::Id)
                    .from(run::Entity)
                    .and_where(run::Column::TenantId.eq(tx.tenant_id()))
                    .and_where(run::Column::RetryOfId.eq(original))
                    .and_where(run::Column::Scope.eq(RunScope::FailedRecords))
                    .to_owned();
                open.add(failure::Column::RunId.in_subquery(siblings))
            }
            (RunScope::FailedRecords, None) => return Ok(settled.into_iter().collect()),
        };
        settled.extend(self.settle(tx, open, FailureStatus::Superseded).await?);
        Ok(settled.into_iter().collect())
    }

    /// Ends the failures of a condition; answers with the run of each.
    async fn settle(&self, tx: &mut TxScope, which: Condition, status: FailureStatus) -> Result<Vec<Uuid>> {
        let rows: Vec<(Uuid, Uuid)> = tx
            .find::<failure::Entity>()
            .select_only()
            .column(failure::Column::Id)
            .column(failure::Column::RunId)
            .filter(which)
            .into_tuple()
            .all(tx.connection())
            .await
            .doing("reading failures that are over")?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.app.clock().now();
        tx.update::<failure::Entity>()
            .col_expr(failure::Column::Status, Expr::value(status))
            .col_expr(failure::Column::ResolvedAt, Expr::value(Some(now)))
            .col_expr(failure::Column::ResolvedByRunId, Expr::value(Some(self.run.id)))
            .filter(failure::Column::Id.is_in(rows.iter().map(|(id, _)| *id)))
            .exec(tx.connection())
            .await
            .doing("storing that failures are over")?;
        for (id, _) in rows.iter().take(TOLD_FAILURES_MAX) {
            tx.tell_after_commit(crate::failure::changed(self.run.tenant_id, *id, self.run.integration_id));
        }
        Ok(rows.into_iter().map(|(_, run)| run).collect())
    }

    /// Gives the job back, to be claimed again after a wait: the run stays RUNNING and goes on from its
    /// checkpoint. False when the lease was lost.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; the lease will end and the run go on elsewhere.
    pub async fn give_back(
        &self,
        stream: &str,
        stop: &StreamStop,
        wait: std::time::Duration,
    ) -> Result<bool> {
        let next =
            self.app.clock().now() + chrono::Duration::from_std(wait).unwrap_or(chrono::Duration::zero());
        let code = stop.code().unwrap_or_default();
        let event = NewEvent::new(
            "retry.scheduled",
            "worker",
            format!("{} We try again by ourselves.", transient(&code)),
        )
        .attributes(
            json!({ "stream": stream, "code": code, "attempt": self.attempt(), "nextAttemptAt": next }),
        );
        self.requeue(self.attempt(), next, Some(super::failed::chain(stop)), event).await
    }

    /// Hands the job back unharmed, because this worker stops. False when the lease was lost.
    ///
    /// # Errors
    /// As [`give_back`](Self::give_back).
    pub async fn hand_back(&self) -> Result<bool> {
        let event =
            NewEvent::new("run.handed_back", "worker", "The worker stops; another one goes on with the run.")
                .audience(Audience::Support);
        self.requeue(self.attempt() - 1, self.app.clock().now(), None, event).await
    }

    async fn requeue(
        &self,
        attempt: i32,
        available_at: DateTime<Utc>,
        error: Option<String>,
        event: NewEvent,
    ) -> Result<bool> {
        let Some(mut tx) = self.fenced().await? else { return Ok(false) };
        let now = self.app.clock().now();
        tx.update::<job::Entity>()
            .col_expr(job::Column::Status, Expr::value(JobStatus::Queued))
            .col_expr(job::Column::Attempt, Expr::value(attempt))
            .col_expr(job::Column::AvailableAt, Expr::value(available_at))
            .col_expr(job::Column::EnqueuedAt, Expr::value(None::<DateTime<Utc>>))
            .col_expr(job::Column::LeaseToken, Expr::value(None::<Uuid>))
            .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(job::Column::LastError, Expr::value(error.map(|error| clean(&error, 4_000))))
            .filter(job::Column::Id.eq(self.job_id))
            .exec(tx.connection())
            .await
            .doing("giving a job back")?;
        run_event::record(&tx, self.run.id, vec![event]).await?;
        if available_at <= now {
            tx.push_after_commit(JobHint {
                job_id: self.job_id,
                tenant_id: self.run.tenant_id,
                priority: self.priority,
            });
        }
        tx.tell_after_commit(crate::run::changed(&self.run));
        tx.commit().await?;
        Ok(true)
    }

    /// A run that makes progress may crash as often as it likes: only claims in a row without any are counted.
    async fn forget_attempts(&self, tx: &TxScope) -> Result<()> {
        tx.update::<job::Entity>()
            .col_expr(job::Column::Attempt, Expr::value(1))
            .filter(job::Column::Id.eq(self.job_id))
            .exec(tx.connection())
            .await
            .doing("counting attempts anew")?;
        Ok(())
    }

    async fn account_in(&self, tx: &mut TxScope, page: AccountedPage) -> Result<()> {
        let now = self.app.clock().now();
        let counts = page.counts;
        let add = |column: run::Column, number: u64| {
            (column, Expr::col(column).add(i64::try_from(number).unwrap_or(i64::MAX)))
        };
        let mut update = tx.update::<run::Entity>().filter(run::Column::Id.eq(self.run.id));
        for (column, sum) in [
            add(run::Column::ReadCount, counts.read),
            add(run::Column::CreatedCount, counts.created),
            add(run::Column::UpdatedCount, counts.updated),
            add(run::Column::UnchangedCount, counts.unchanged),
            add(run::Column::SkippedCount, counts.skipped),
            add(run::Column::FailedCount, counts.failed),
        ] {
            update = update.col_expr(column, sum);
        }
        update.exec(tx.connection()).await.doing("adding to the counts of a run")?;
        let mut progress = tx
            .update::<run_stream::Entity>()
            .col_expr(run_stream::Column::PageCount, Expr::col(run_stream::Column::PageCount).add(1))
            .col_expr(run_stream::Column::UpdatedAt, Expr::value(now))
            .filter(run_stream::Column::RunId.eq(self.run.id))
            .filter(run_stream::Column::Stream.eq(page.stream.as_str()));
        if let Some(checkpoint) = &page.checkpoint {
            progress =
                progress.col_expr(run_stream::Column::Checkpoint, Expr::value(Some(checkpoint.clone())));
        }
        progress.exec(tx.connection()).await.doing("storing a checkpoint")?;
        receipt::store(tx.connection(), self.receipts_of(&page.stream), self.run.id, now, &page.receipts)
            .await?;
        run_event::record(tx, self.run.id, page_events(&page)).await?;
        let mut runs = BTreeSet::new();
        if self.supersedes && !page.receipts.is_empty() {
            let keys = page.receipts.iter().map(|receipt| receipt.key.canonical());
            let over = Condition::all()
                .add(failure::Column::IntegrationId.eq(self.run.integration_id))
                .add(failure::Column::Stream.eq(page.stream.as_str()))
                .add(failure::Column::Status.eq(FailureStatus::Open))
                .add(failure::Column::RunId.ne(self.run.id))
                .add(failure::Column::RecordKey.is_in(keys));
            runs.extend(self.settle(tx, over, FailureStatus::Superseded).await?);
        }
        let (new, again): (Vec<_>, Vec<_>) =
            page.failures.into_iter().partition(|failure| failure.retried.is_none());
        let mut rows = Vec::with_capacity(new.len());
        for failed in new {
            rows.push(self.failure_row(&page.stream, failed, now)?);
        }
        for row in rows.iter().take(TOLD_FAILURES_MAX) {
            tx.tell_after_commit(crate::failure::changed(row.tenant_id, row.id, row.integration_id));
        }
        tx.insert_many::<failure::Entity>(rows, "storing failures").await?;
        let home: Vec<Uuid> = page.receipts.iter().filter_map(|receipt| receipt.retried).collect();
        let left_out = page.skipped;
        if !(home.is_empty() && again.is_empty() && left_out.is_empty()) {
            runs.extend(self.account_retried(tx, home, again, left_out, now).await?);
        }
        recovery::recover(tx, &runs).await?;
        tx.tell_after_commit(crate::run::changed(&self.run));
        Ok(())
    }

    /// What became of the failures that this run retries. Answers with the runs of those that are over.
    #[expect(clippy::disallowed_methods, reason = "an upsert of rows of the tenant, in one statement")]
    async fn account_retried(
        &self,
        tx: &mut TxScope,
        home: Vec<Uuid>,
        again: Vec<RecordFailure>,
        left_out: Vec<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Uuid>> {
        let (resolved, failed) = ((home.len() + left_out.len()) as u64, again.len() as u64);
        let over: Vec<Uuid> = home.iter().chain(&left_out).copied().collect();
        tx.update::<failure::Entity>()
            .col_expr(failure::Column::Attempts, Expr::col(failure::Column::Attempts).add(1))
            .col_expr(failure::Column::LastAttemptAt, Expr::value(now))
            .filter(failure::Column::Id.is_in(over))
            .exec(tx.connection())
            .await
            .doing("counting an attempt")?;
        let mine = |ids: Vec<Uuid>| {
            Condition::all()
                .add(failure::Column::Id.is_in(ids))
                .add(failure::Column::RetryRunId.eq(self.run.id))
                .add(failure::Column::Status.eq(FailureStatus::Retrying))
        };
        let mut runs = self.settle(tx, mine(home), FailureStatus::Resolved).await?;
        runs.extend(self.settle(tx, mine(left_out), FailureStatus::Skipped).await?);
        let ids: Vec<Uuid> = again.iter().filter_map(|failed| failed.retried).collect();
        let rows: HashMap<Uuid, failure::Model> = tx
            .find::<failure::Entity>()
            .filter(mine(ids))
            .all(tx.connection())
            .await
            .doing("reading failures that failed again")?
            .into_iter()
            .map(|row| (row.id, row))
            .collect();
        let mut updated = Vec::with_capacity(rows.len());
        for failed in again {
            let Some(row) = failed.retried.and_then(|id| rows.get(&id)) else { continue };
            let mut row = row.clone();
            let entry = catalogue::entry(&failed.code);
            row.status = FailureStatus::Open;
            row.category = entry.category;
            row.stage = stage(failed.stage);
            row.code = failed.code;
            row.responsible_party = entry.responsible_party;
            row.retryable = entry.retryable;
            row.field_errors = field_errors(failed.field_errors);
            row.attempts += attempts(failed.attempts);
            row.last_attempt_at = now;
            row.http_status = failed.http_status.map(i32::from);
            row.technical_detail = Some(clean(&failed.detail, 4_000));
            row.hint = None;
            row.retry_run_id = None;
            updated.push(row);
        }
        for row in &updated {
            tx.tell_after_commit(crate::failure::changed(row.tenant_id, row.id, row.integration_id));
        }
        if !updated.is_empty() {
            use failure::Column;
            failure::Entity::insert_many(updated.into_iter().map(all_set::<failure::Entity>))
                .on_conflict(
                    OnConflict::column(Column::Id)
                        .update_columns([
                            Column::Status,
                            Column::Category,
                            Column::Stage,
                            Column::Code,
                            Column::ResponsibleParty,
                            Column::Retryable,
                            Column::FieldErrors,
                            Column::Attempts,
                            Column::LastAttemptAt,
                            Column::HttpStatus,
                            Column::TechnicalDetail,
                            Column::Hint,
                            Column::RetryRunId,
                        ])
                        .to_owned(),
                )
                .exec_without_returning(tx.connection())
                .await
                .doing("storing failures that failed again")?;
        }
        if let Some(retry_id) = self.run.retry_id {
            crate::retry::progress(tx, retry_id, resolved, failed).await?;
        }
        Ok(runs)
    }

    fn failure_row(&self, stream: &str, failed: RecordFailure, now: DateTime<Utc>) -> Result<failure::Model> {
        let id = new_id();
        let entry = catalogue::entry(&failed.code);
        let record = failed.record.map(Value::Object).or_else(|| failed.raw.map(Value::String));
        let sealed = match record {
            Some(record) => Some(self.app.seal(self.run.tenant_id, id, record.to_string().as_bytes())?),
            None => None,
        };
        Ok(failure::Model {
            id,
            tenant_id: self.run.tenant_id,
            integration_id: self.run.integration_id,
            run_id: self.run.id,
            stream: Some(stream.to_owned()),
            business_reference: failed.key.as_ref().map(|key| clean(key.reference(), 500)),
            record_key: failed.key.as_ref().map(|key| key.canonical().to_owned()),
            hint: failed.position.is_some().then(|| clean(&failed.detail, 500)),
            position: failed.position.map(|position| clean(&position, 200)),
            status: FailureStatus::Open,
            category: entry.category,
            stage: stage(failed.stage),
            code: failed.code,
            responsible_party: entry.responsible_party,
            retryable: entry.retryable,
            field_errors: field_errors(failed.field_errors),
            attempts: attempts(failed.attempts),
            failed_at: now,
            last_attempt_at: now,
            next_attempt_at: None,
            resolved_at: None,
            resolved_by_run_id: None,
            http_status: failed.http_status.map(i32::from),
            technical_detail: Some(clean(&failed.detail, 4_000)),
            record: sealed,
            edited_record: None,
            retry_id: None,
            retry_run_id: None,
            skip_reason: None,
            skipped_by: None,
        })
    }

    fn receipts_of<'a>(&self, stream: &'a str) -> receipt::Stream<'a> {
        receipt::Stream {
            tenant_id: self.run.tenant_id,
            integration_id: self.run.integration_id,
            name: stream,
        }
    }
}

#[async_trait]
impl Ledger for RunLease {
    async fn receipts(
        &self,
        stream: &str,
        keys: &[&str],
    ) -> std::result::Result<HashMap<String, Receipt>, LedgerError> {
        receipt::lookup(self.app.database().reader(), self.receipts_of(stream), self.run.id, keys)
            .await
            .map_err(storage)
    }

    async fn account(&self, page: AccountedPage) -> std::result::Result<(), LedgerError> {
        let mut tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        self.account_in(&mut tx, page).await.map_err(storage)?;
        if !self.made_progress() && self.attempt > 1 {
            self.forget_attempts(&tx).await.map_err(storage)?;
        }
        tx.commit().await.map_err(storage)?;
        self.pages.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn retrying(&self, stream: &str, notice: &RetryNotice) -> std::result::Result<(), LedgerError> {
        let tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        let code = format!("{}.{}", notice.side.code(), notice.error.kind.code());
        let next = self.app.clock().now()
            + chrono::Duration::from_std(notice.wait).unwrap_or(chrono::Duration::zero());
        let event = NewEvent::new(
            "retry.scheduled",
            notice.side.code(),
            format!("{} We try again by ourselves.", transient(&code)),
        )
        .attributes(
            json!({ "stream": stream, "code": code, "attempt": notice.attempt, "nextAttemptAt": next }),
        );
        let recorded = run_event::record(&tx, self.run.id, vec![event]).await;
        recorded.map_err(storage)?;
        tx.commit().await.map_err(storage)
    }
}

/// A record that never got to its destination was tried once all the same.
fn attempts(calls: u32) -> i32 {
    i32::try_from(calls).unwrap_or(i32::MAX).clamp(1, i32::MAX)
}

fn storage(error: Error) -> LedgerError {
    LedgerError::Storage(Box::new(error))
}

/// The catalogue's words for the run, as a sentence.
fn transient(code: &str) -> String {
    let summary = catalogue::entry(code).summary;
    format!("The run {}{}", summary, if summary.ends_with('.') { "" } else { "." })
}

fn stage(stage: Stage) -> FailureStage {
    match stage {
        Stage::Extract => FailureStage::Extract,
        Stage::Map => FailureStage::Map,
        Stage::Validate => FailureStage::Validate,
        Stage::Load => FailureStage::Load,
        Stage::Platform => FailureStage::Platform,
    }
}

fn field_errors(errors: Vec<connector::FieldError>) -> FieldErrorList {
    FieldErrorList(
        errors
            .into_iter()
            .map(|error| FieldError {
                path: clean(&error.path, 500),
                rule: clean(&error.rule, 100),
                message: clean(&error.message, 500),
            })
            .collect(),
    )
}

fn page_events(page: &AccountedPage) -> Vec<NewEvent> {
    let counts = page.counts;
    let written = counts.created + counts.updated + counts.unchanged;
    let mut events = Vec::with_capacity(3 + page.failures.len().min(REJECTED_EVENTS_MAX + 1));
    events.push(
        NewEvent::new("source.page_read", "source", format!("{} records read.", counts.read))
            .audience(Audience::Support)
            .attributes(json!({
                "stream": page.stream, "page": page.page_number, "records": counts.read,
                "bytes": page.size_bytes, "durationMs": page.read_ms,
            })),
    );
    for failed in page.failures.iter().take(REJECTED_EVENTS_MAX) {
        let component = match failed.stage {
            Stage::Extract => "source",
            Stage::Map => "mapping",
            Stage::Validate => "quality",
            Stage::Load => "destination",
            Stage::Platform => "worker",
        };
        let reference = failed.key.as_ref().map(|key| clean(key.reference(), 500));
        let subject = match (&reference, &failed.position) {
            (Some(reference), _) => format!("Record {reference}"),
            (None, Some(position)) => format!("The record at {}", clean(position, 200)),
            (None, None) => "A record".to_owned(),
        };
        let message = format!("{subject} {}", catalogue::entry(&failed.code).summary);
        events.push(
            NewEvent::new("record.rejected", component, message)
                .reference(reference)
                .attributes(json!({ "stream": page.stream, "code": failed.code })),
        );
    }
    if page.failures.len() > REJECTED_EVENTS_MAX {
        let more = page.failures.len() - REJECTED_EVENTS_MAX;
        events.push(
            NewEvent::new(
                "record.rejected",
                "worker",
                format!("{more} more records of this page did not arrive."),
            )
            .attributes(json!({ "stream": page.stream, "records": more })),
        );
    }
    events.push(
        NewEvent::new("batch.written", "destination", format!("{written} records are at the destination."))
            .audience(Audience::Support)
            .attributes(json!({
                "stream": page.stream, "page": page.page_number, "created": counts.created,
                "updated": counts.updated, "unchanged": counts.unchanged, "durationMs": page.write_ms,
            })),
    );
    if page.checkpoint.is_some() {
        events.push(
            NewEvent::new("checkpoint.saved", "worker", format!("Page {} is done.", page.page_number))
                .audience(Audience::Engineer)
                .attributes(json!({ "stream": page.stream, "page": page.page_number })),
        );
    }
    events
}

//! The end of a run: its outcome, and what a run that went through settles of earlier ones.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use connector::Cursor;
use entity::failure::{self, FailureStatus, Impact};
use entity::job::{self, JobStatus};
use entity::occasion::OccasionKind;
use entity::run::{self, RunScope, RunStatus};
use entity::{failure_group, stream_cursor};
use pipeline::{Breach, GateCounts, StreamStop};
use sea_orm::sea_query::{Condition, Expr, LockType};
use sea_orm::{ActiveEnum, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use super::aftermath::Aftermath;
use super::failed::{WholeFailure, end_failed};
use super::failure_group::Tally;
use super::lease::{RunLease, is_doubted};
use super::{circuit, recovery};
use crate::error::{Doing, Error, Result};
use crate::health::status::run_ended;
use crate::job as jobs;
use crate::occasion::{self, NewOccasion};
use crate::run::RunCounts;
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;

/// Records that a notice names: enough to recognise what it is about.
const TOLD_REFERENCES_MAX: u64 = 5;
/// Failures that listeners are told of one by one.
const TOLD_FAILURES_MAX: usize = 200;

/// A failure that is over: its id, run and group, when it failed, and what was at stake with it.
type Over = (Uuid, Uuid, Option<Uuid>, DateTime<Utc>, Option<i64>);

/// How a run ended, as its worker saw it.
#[derive(Debug)]
pub enum RunEnd {
    /// Every stream went through.
    Completed {
        /// The stream that ended it; `None` where none was left to do.
        last: Option<FinishedStream>,
    },
    /// A stream stopped.
    Stopped {
        /// Which.
        stream: String,
        /// Why.
        stop: StreamStop,
    },
}

/// A stream that went through.
#[derive(Clone, Debug)]
pub struct FinishedStream {
    /// Its name.
    pub stream: String,
    /// Where its next run begins; `None` leaves that as it is.
    pub watermark: Option<Cursor>,
    /// Why its integration is to be held, though everything that was read is written.
    pub breach: Option<(Breach, GateCounts)>,
}

impl FinishedStream {
    /// The row of the watermark.
    pub(super) fn cursor_row(&self, run: &run::Model, now: DateTime<Utc>) -> Option<stream_cursor::Model> {
        Some(stream_cursor::Model {
            tenant_id: run.tenant_id,
            integration_id: run.integration_id,
            stream: self.stream.clone(),
            watermark: self.watermark.clone()?,
            run_id: Some(run.id),
            updated_at: now,
        })
    }
}

impl RunLease {
    /// Ends the run and its job in one transaction. False when the lease was lost, and nothing was written.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; the lease will end and the run go on elsewhere.
    pub async fn finish(&self, end: RunEnd) -> Result<bool> {
        if let Some(slice) = &self.slice {
            return self.finish_slice(slice, end).await;
        }
        let Some(mut tx) = self.fenced().await? else { return Ok(false) };
        let now = self.app.clock().now();
        let mut aftermath = Aftermath::default();
        tx.update::<job::Entity>()
            .col_expr(job::Column::Status, Expr::value(JobStatus::Done))
            .col_expr(job::Column::FinishedAt, Expr::value(Some(now)))
            .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .filter(job::Column::Id.eq(self.job_id))
            .exec(tx.connection())
            .await
            .doing("ending a job")?;
        match end {
            RunEnd::Completed { last } => {
                if let Some(last) = &last {
                    self.finish_stream_in(&tx, last).await?;
                }
                aftermath = self.complete(&mut tx).await?;
                if last.is_some_and(|last| last.breach.is_some()) {
                    aftermath.changed(self.run.integration_id);
                }
            }
            // Asked for after the last heartbeat of an attempt that failed: nobody wants to hear of the failure.
            RunEnd::Stopped { .. } if self.cancel_is_requested(&tx).await? => {
                crate::run::end_canceled(&mut tx, &self.run).await?;
            }
            RunEnd::Stopped { stream, stop } => match WholeFailure::of(&stream, &stop) {
                None => crate::run::end_canceled(&mut tx, &self.run).await?,
                Some(whole) => {
                    tracing::info!(
                        tenant.id = %self.run.tenant_id, run.id = %self.run.id, stream,
                        error = super::failed::chain(&stop), "a run could not go on"
                    );
                    aftermath = end_failed(&mut tx, &self.run, whole).await?;
                    // After what it does to jobs: a claim locks jobs before circuits.
                    self.judge_systems(&tx, &stop, &mut aftermath).await?;
                }
            },
        }
        aftermath.settle(&tx).await?;
        self.commit_measured(tx).await?;
        Ok(true)
    }

    /// Counts for the circuit of a system that an attempt stopped because of it, or that it answered.
    pub(super) async fn judge_systems(
        &self,
        tx: &TxScope,
        stop: &StreamStop,
        aftermath: &mut Aftermath,
    ) -> Result<()> {
        if let Some(system_id) = self.failing_system(stop) {
            let code = stop.code().unwrap_or_default();
            let why = circuit::Failing { code: &code, is_doubted: is_doubted(stop) };
            let is_left_alone = circuit::count_failure(tx, self, system_id, &why).await?.is_some();
            aftermath.systems_changed(is_left_alone.then_some(system_id));
        } else if let (true, Some(system_id)) = (self.is_probe, self.answering_system(stop)) {
            aftermath.systems_changed(circuit::answered(tx, [system_id]).await?);
        }
        Ok(())
    }

    async fn complete(&self, tx: &mut TxScope) -> Result<Aftermath> {
        let now = self.app.clock().now();
        let run = tx
            .find::<run::Entity>()
            .filter(run::Column::Id.eq(self.run.id))
            .one(tx.connection())
            .await
            .doing("reading a run")?
            .ok_or_else(|| Error::internal("reading a run", "it is not there"))?;
        let counts = RunCounts::of(&run);
        tx.update::<run::Entity>()
            .col_expr(run::Column::Status, Expr::value(counts.status()))
            .col_expr(run::Column::FinishedAt, Expr::value(Some(now)))
            .filter(run::Column::Id.eq(run.id))
            .exec(tx.connection())
            .await
            .doing("storing that a run finished")?;
        match run.reconciliation_id {
            Some(id) => self.finish_reconciliation(tx, id, &counts).await?,
            None => {
                run_event::record(tx, run.id, vec![finished(&counts)]).await?;
                self.reconcile_after(tx, &run).await?;
            }
        }
        if counts.status() == RunStatus::Partial {
            tell_partial(tx, &run, &counts).await?;
        }
        let mut tally = Tally::default();
        let mut runs = self.settle_whole_failures(tx, &mut tally).await?;
        runs.insert(run.id);
        crate::retry::let_go(tx, &run).await?;
        recovery::recover(tx, &runs).await?;
        // Nobody else ends a run of the integration meanwhile, so what the claim read still counts.
        if self.integration.failed_run_count > 0 && run.reconciliation_id.is_none() {
            crate::integration::forget_failed_runs(tx, run.integration_id).await?;
        }
        jobs::release_next(tx, run.integration_id).await?;
        tx.tell_after_commit(crate::run::changed(&run));
        super::failure_group::leave(tx, tally).await?;
        // A run has tested the ends that it used. After what is done to jobs: a claim locks jobs before circuits.
        let ends: Vec<Uuid> = self.used_systems().collect();
        if self.integration.failed_run_count > 0 {
            crate::system::tell_reauthorized(tx, ends.iter().copied()).await?;
        }
        let mut aftermath = Aftermath::default();
        aftermath.systems_changed(circuit::went_through(tx, ends).await?);
        run_ended(tx, &run, counts.status()).await?;
        Ok(aftermath)
    }

    /// A run that went through settles failures of earlier runs as a whole: those that it retried are resolved,
    /// and what else could not go on before has gone on now. A backfill read its range, and other runs did not; a
    /// reconciliation says nothing of what was moved, nor the other way round.
    async fn settle_whole_failures(&self, tx: &mut TxScope, tally: &mut Tally) -> Result<BTreeSet<Uuid>> {
        let whole = of_the_whole().add(failure::Column::IntegrationId.eq(self.run.integration_id));
        let retried = whole
            .clone()
            .add(failure::Column::RetryRunId.eq(self.run.id))
            .add(failure::Column::Status.eq(FailureStatus::Retrying));
        let mut settled = self.settle(tx, retried, FailureStatus::Resolved, tally).await?;
        if let Some(retry_id) = self.run.retry_id
            && !settled.is_empty()
        {
            crate::retry::progress(tx, retry_id, settled.len() as u64, 0).await?;
        }
        let same_reach = self.same_reach(tx).await?;
        let open = whole.add(failure::Column::Status.eq(FailureStatus::Open)).add(same_reach);
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
        settled.extend(self.settle(tx, open, FailureStatus::Superseded, tally).await?);
        Ok(settled.into_iter().collect())
    }

    /// Ends the failures of a condition, which says what status they have and is asked again of each that is locked. The
    /// caller then takes them from their groups; answers with the run of each.
    pub(super) async fn settle(
        &self,
        tx: &mut TxScope,
        which: Condition,
        status: FailureStatus,
        tally: &mut Tally,
    ) -> Result<Vec<Uuid>> {
        let rows: Vec<Over> = tx
            .find::<failure::Entity>()
            .select_only()
            .column(failure::Column::Id)
            .column(failure::Column::RunId)
            .column(failure::Column::GroupId)
            .column(failure::Column::FailedAt)
            .column(failure::Column::ValueAtStake)
            .filter(which)
            .order_by_asc(failure::Column::Id)
            // What is over meanwhile was taken from its group by whoever ended it.
            .lock(LockType::NoKeyUpdate)
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
            .filter(failure::Column::Id.is_in(rows.iter().map(|(id, ..)| *id)))
            .exec(tx.connection())
            .await
            .doing("storing that failures are over")?;
        for (_, _, group_id, failed_at, value) in &rows {
            tally.leave(*group_id, *failed_at, *value);
        }
        for (id, ..) in rows.iter().take(TOLD_FAILURES_MAX) {
            tx.tell_after_commit(crate::failure::changed(self.run.tenant_id, *id, self.run.integration_id));
        }
        Ok(rows.into_iter().map(|(_, run, ..)| run).collect())
    }
}

/// That records of a run did not arrive, with the references of some of them.
async fn tell_partial(tx: &TxScope, run: &run::Model, counts: &RunCounts) -> Result<()> {
    let some: Vec<(Uuid, String, Option<String>)> = tx
        .find::<failure::Entity>()
        .select_only()
        .column(failure::Column::Id)
        .column(failure::Column::Code)
        .column(failure::Column::BusinessReference)
        .filter(failure::Column::RunId.eq(run.id))
        .order_by_asc(failure::Column::Id)
        .limit(TOLD_REFERENCES_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading failures of a run")?;
    let references: Vec<String> = some.iter().filter_map(|(.., reference)| reference.clone()).collect();
    let first = some.first();
    // Its failures may be many, their groups are few.
    let impacts: Vec<Impact> = tx
        .find::<failure_group::Entity>()
        .select_only()
        .column(failure_group::Column::Impact)
        .distinct()
        .filter(failure_group::Column::IntegrationId.eq(run.integration_id))
        .filter(failure_group::Column::LastRunId.eq(run.id))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading how much depends on what failed in a run")?;
    let impact = impacts.into_iter().max().unwrap_or_default();
    let told = NewOccasion::new(OccasionKind::RunPartial)
        .integration(run.integration_id)
        .run(run.id)
        .failure(first.map(|(id, ..)| *id))
        .code(first.map(|(_, code, _)| code.clone()))
        .detail("impact", impact.to_value())
        .detail("failed", counts.failed + counts.unaccounted())
        .detail("read", counts.read)
        .detail("references", references);
    occasion::record(tx, told).await
}

/// Failures of runs that could not go on, in place of a record's.
pub(super) fn of_the_whole() -> Condition {
    Condition::all()
        .add(failure::Column::RecordKey.is_null())
        .add(failure::Column::Position.is_null())
        .add(failure::Column::Record.is_null())
}

/// The event of a run that went through.
pub(super) fn finished(counts: &RunCounts) -> NewEvent {
    let message = match counts.status() {
        RunStatus::Succeeded => "Every record arrived.".to_owned(),
        _ => format!("{} of {} records did not arrive.", counts.failed + counts.unaccounted(), counts.read),
    };
    finished_as(counts, message)
}

/// The same in other words.
pub(super) fn finished_as(counts: &RunCounts, message: impl Into<String>) -> NewEvent {
    NewEvent::new("run.finished", "worker", message).attributes(json!({
        "status": counts.status(), "read": counts.read, "created": counts.created, "updated": counts.updated,
        "unchanged": counts.unchanged, "skipped": counts.skipped, "failed": counts.failed,
        "deleted": counts.deleted,
    }))
}

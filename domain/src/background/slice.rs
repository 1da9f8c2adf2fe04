//! The end of a slice, and what becomes of its run then: it goes on when all have finished, and ends when one could not
//! go on or somebody canceled it, as soon as none of them can write any more.

use chrono::{DateTime, Utc};
use entity::job::{self, JobStatus};
use entity::run;
use entity::run_event::Audience;
use entity::run_slice::{self, SliceStatus};
use entity::run_stream;
use pipeline::GateCounts;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use serde_json::json;
use uuid::Uuid;

use super::aftermath::Aftermath;
use super::circuit;
use super::ending::RunEnd;
use super::failed::{WholeFailure, end_failed};
use super::lease::RunLease;
use super::quarantine::COUNTED;
use crate::dispatch::{JobHint, Priority};
use crate::error::{Doing, Result};
use crate::job as jobs;
use crate::run_event::{self, NewEvent};
use crate::run_slice as slices;
use crate::scope::TxScope;

/// How a slice ends.
pub(super) enum SliceEnd {
    Finished,
    Failed(WholeFailure),
    Stopped,
}

impl RunLease {
    /// As [`RunLease::finish`], for a slice.
    pub(super) async fn finish_slice(&self, slice: &run_slice::Model, end: RunEnd) -> Result<bool> {
        let Some(mut tx) = self.fenced_with_run().await? else { return Ok(false) };
        let (stop, end) = match end {
            RunEnd::Completed { .. } => (None, SliceEnd::Finished),
            RunEnd::Stopped { .. } if self.cancel_is_requested(&tx).await? => (None, SliceEnd::Stopped),
            RunEnd::Stopped { stream, stop } => match WholeFailure::of(&stream, &stop) {
                None => (None, SliceEnd::Stopped),
                Some(whole) => {
                    tracing::info!(
                        tenant.id = %self.run.tenant_id, run.id = %self.run.id, stream, slice = slice.ordinal,
                        error = super::failed::chain(&stop), "a slice of a run could not go on"
                    );
                    (Some(stop), SliceEnd::Failed(whole))
                }
            },
        };
        let is_finished = matches!(end, SliceEnd::Finished);
        let mut aftermath = end_slice(&mut tx, &self.run, slice, self.job_id, end).await?;
        // After what is done to jobs: a claim locks jobs before circuits.
        if is_finished {
            aftermath.systems_changed(circuit::went_through(&tx, self.used_systems()).await?);
        } else if let Some(stop) = stop {
            self.judge_systems(&tx, &stop, &mut aftermath).await?;
        }
        aftermath.settle(&tx).await?;
        self.commit_measured(tx).await?;
        Ok(true)
    }

    /// Ends the slice of this lease as one that was told to stop; the jobs of its run are locked. Nothing is locked after it.
    pub(super) async fn stop_slice(&self, tx: &mut TxScope, slice: &run_slice::Model) -> Result<()> {
        let ended = end_slice(tx, &self.run, slice, self.job_id, SliceEnd::Stopped).await?;
        ended.settle(tx).await
    }
}

/// Ends a slice and its job. The jobs of its run are locked.
pub(super) async fn end_slice(
    tx: &mut TxScope,
    run: &run::Model,
    slice: &run_slice::Model,
    job_id: Uuid,
    end: SliceEnd,
) -> Result<Aftermath> {
    let now = tx.app().clock().now();
    jobs::end(tx, vec![job_id]).await?;
    let (status, failure, kind, message) = match end {
        SliceEnd::Finished => (SliceStatus::Finished, None, "slice.finished", "was read to its end"),
        SliceEnd::Stopped => (SliceStatus::Stopped, None, "slice.stopped", "was stopped"),
        SliceEnd::Failed(mut whole) => {
            whole.keep_exchange(tx, run.id).await?;
            let failure = serde_json::to_value(&whole).doing("storing why a slice failed")?;
            (SliceStatus::Failed, Some(failure), "slice.failed", "could not go on")
        }
    };
    let has_failed = failure.is_some();
    tx.update::<run_slice::Entity>()
        .col_expr(run_slice::Column::Status, Expr::value(status))
        .col_expr(run_slice::Column::Failure, Expr::value(failure))
        .col_expr(run_slice::Column::FinishedAt, Expr::value(Some(now)))
        .filter(run_slice::Column::Id.eq(slice.id))
        .exec(tx.connection())
        .await
        .doing("ending a slice")?;
    let message = format!("Slice {} of {} {message}.", slice.ordinal, slice.stream);
    run_event::record(tx, run.id, vec![event(kind, message, slice)]).await?;
    if has_failed {
        stop_others(tx, run.id).await?;
    }
    settle(tx, run, &slice.stream).await
}

/// An event of a slice, for support.
pub(super) fn event(kind: &'static str, message: String, slice: &run_slice::Model) -> NewEvent {
    NewEvent::new(kind, "worker", message)
        .audience(Audience::Support)
        .attributes(json!({ "stream": slice.stream, "slice": slice.ordinal }))
}

/// Ends those slices of a run that no worker has, and asks the workers of the others to stop.
async fn stop_others(tx: &TxScope, run_id: Uuid) -> Result<()> {
    let others: Vec<job::Model> =
        jobs::lock_of_run(tx, run_id).await?.into_iter().filter(|job| job.slice_id.is_some()).collect();
    let (running, unclaimed): (Vec<_>, Vec<_>) =
        others.iter().partition(|job| job.status == JobStatus::Running);
    jobs::end(tx, unclaimed.iter().map(|job| job.id).collect()).await?;
    slices::stop_ended(tx, run_id).await?;
    tx.update::<job::Entity>()
        .col_expr(job::Column::CancelRequested, Expr::value(true))
        .filter(job::Column::Id.is_in(running.iter().map(|job| job.id)))
        .exec(tx.connection())
        .await
        .doing("asking workers to stop the slices of a run")?;
    Ok(())
}

/// What becomes of a run of which no slice can write any more; nothing while one can. `stream` is what they read, and the
/// run's jobs are locked.
async fn settle(tx: &mut TxScope, run: &run::Model, stream: &str) -> Result<Aftermath> {
    let under_way = jobs::lock_of_run(tx, run.id).await?;
    let [own] = &under_way[..] else { return Ok(Aftermath::default()) };
    if own.status != JobStatus::Divided {
        return Ok(Aftermath::default());
    }
    let ended = tx
        .find::<run_slice::Entity>()
        .filter(run_slice::Column::RunId.eq(run.id))
        .filter(run_slice::Column::Stream.eq(stream))
        .order_by_asc(run_slice::Column::FinishedAt)
        .all(tx.connection())
        .await
        .doing("reading the slices of a run")?;
    if own.cancel_requested {
        jobs::end(tx, vec![own.id]).await?;
        return end_canceled(tx, run).await;
    }
    if let Some(failure) = ended.iter().find_map(|slice| slice.failure.clone()) {
        jobs::end(tx, vec![own.id]).await?;
        let whole: WholeFailure = serde_json::from_value(failure).doing("reading why a slice failed")?;
        return end_failed(tx, run, whole).await;
    }
    if ended.iter().any(|slice| slice.status == SliceStatus::Stopped) {
        jobs::end(tx, vec![own.id]).await?;
        return end_canceled(tx, run).await;
    }
    sum_up(tx, run, stream, &ended).await?;
    let now = tx.app().clock().now();
    tx.update::<job::Entity>()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Queued))
        .col_expr(job::Column::AvailableAt, Expr::value(now))
        .col_expr(job::Column::PushAt, Expr::value(jobs::push_again_at(now)))
        .filter(job::Column::Id.eq(own.id))
        .exec(tx.connection())
        .await
        .doing("letting a run go on after its slices")?;
    tx.push_after_commit(JobHint { job_id: own.id, tenant_id: run.tenant_id, priority: Priority::Resumed });
    tx.tell_under_way(crate::run::changed(run));
    Ok(Aftermath::default())
}

async fn end_canceled(tx: &mut TxScope, run: &run::Model) -> Result<Aftermath> {
    crate::run::end_canceled_uncounted(tx, run).await?;
    let mut aftermath = Aftermath::default();
    aftermath.run_ended(run.id);
    Ok(aftermath)
}

/// Stores for a stream what its slices have counted together.
async fn sum_up(tx: &TxScope, run: &run::Model, stream: &str, ended: &[run_slice::Model]) -> Result<()> {
    let mut counts = GateCounts::default();
    let mut pages = 0;
    for slice in ended {
        pages += slice.page_count;
        if let Some(gate) = &slice.gate {
            counts = counts.plus(&serde_json::from_value(gate.clone()).doing(COUNTED)?);
        }
    }
    tx.update::<run_stream::Entity>()
        .col_expr(run_stream::Column::Gate, Expr::value(Some(serde_json::to_value(&counts).doing(COUNTED)?)))
        .col_expr(run_stream::Column::PageCount, Expr::value(pages))
        .filter(run_stream::Column::RunId.eq(run.id))
        .filter(run_stream::Column::Stream.eq(stream))
        .exec(tx.connection())
        .await
        .doing("storing what the slices of a stream have counted")?;
    Ok(())
}

/// Takes a slice over whose worker was lost: queued again, or over. False when it was not lost after all.
pub(super) async fn take_over(
    tx: &mut TxScope,
    lost: &job::Model,
    now: DateTime<Utc>,
) -> Result<Option<TakenOver>> {
    let locked = jobs::lock_of_run_and_integration(tx, lost.integration_id, lost.subject_id).await?;
    let is_lost = |job: &&job::Model| {
        job.id == lost.id
            && job.status == JobStatus::Running
            && job.lease_token == lost.lease_token
            && job.lease_until.is_some_and(|until| until < now)
    };
    let Some(job) = locked.iter().find(is_lost) else { return Ok(None) };
    let run = tx
        .find::<run::Entity>()
        .filter(run::Column::Id.eq(job.subject_id))
        .one(tx.connection())
        .await
        .doing("reading a lost run")?;
    let slice = tx
        .find::<run_slice::Entity>()
        .filter(run_slice::Column::Id.eq(job.slice_id))
        .one(tx.connection())
        .await
        .doing("reading a lost slice")?;
    let Some((run, slice)) = run.zip(slice) else { return Ok(None) };
    if job.cancel_requested {
        end_slice(tx, &run, &slice, job.id, SliceEnd::Stopped).await?.settle(tx).await?;
        return Ok(Some(TakenOver::Over));
    }
    if job.attempt >= job.max_attempts {
        let end = SliceEnd::Failed(WholeFailure::worker_lost(job.attempt));
        end_slice(tx, &run, &slice, job.id, end).await?.settle(tx).await?;
        return Ok(Some(TakenOver::Over));
    }
    tx.update::<job::Entity>()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Queued))
        .col_expr(job::Column::AvailableAt, Expr::value(now))
        .col_expr(job::Column::LeaseToken, Expr::value(None::<Uuid>))
        .col_expr(job::Column::KillSwitchId, Expr::value(None::<Uuid>))
        .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(job::Column::PushAt, Expr::value(jobs::push_again_at(now)))
        .col_expr(job::Column::LastError, Expr::value(Some("its worker was lost".to_owned())))
        .filter(job::Column::Id.eq(job.id))
        .exec(tx.connection())
        .await
        .doing("taking a slice over")?;
    let message = format!(
        "A fault on our side interrupted slice {} of {}; it goes on from its last checkpoint.",
        slice.ordinal, slice.stream
    );
    run_event::record(tx, run.id, vec![event("slice.taken_over", message, &slice)]).await?;
    tx.push_after_commit(jobs::hint(job));
    Ok(Some(TakenOver::Queued))
}

/// What became of a lost slice.
pub(super) enum TakenOver {
    Queued,
    Over,
}

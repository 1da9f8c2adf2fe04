//! Ends of runs that went through, several in one transaction: at volume nearly every run is one of these, and it has
//! nothing to settle with earlier ones.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::failure::{self, FailureStatus};
use entity::integration::ReconcilePolicy;
use entity::job::{self, JobStatus};
use entity::run::{self, RunStatus};
use entity::system::{self, SystemStatus};
use entity::{integration, run_event, run_stream, stream_cursor};
use futures::future::join_all;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::batch::ALONE;
use super::ending::{FinishedStream, RunEnd, finished, of_the_whole};
use super::lease::RunLease;
use super::transaction::BatchTx;
use super::{Background, circuit, metric};
use crate::error::{Doing, Result};
use crate::health::rollup::Ended;
use crate::health::status::{look_again_at_users_of, runs_ended};
use crate::job as jobs;
use crate::run::RunCounts;
use crate::scope::all_set;

/// A run that went through, and its last stream.
#[derive(Clone)]
pub struct CompletedRun {
    /// The worker's hold on it.
    pub lease: Arc<RunLease>,
    /// The stream that ended it; `None` where none was left to do.
    pub last: Option<FinishedStream>,
}

impl Background {
    /// Ends these runs, in one transaction where that is possible. Answers in their order, each as
    /// [`RunLease::finish`].
    pub async fn complete_all(&self, runs: Vec<CompletedRun>) -> Vec<Result<bool>> {
        let ended = match runs.len() {
            1 => HashMap::new(),
            _ => self.complete_plain(&runs).await.unwrap_or_else(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    runs = runs.len(),
                    "ends of runs could not be stored together; {ALONE}"
                );
                HashMap::new()
            }),
        };
        let end = async |run: CompletedRun| match ended.get(&run.lease.run_id()) {
            Some(is_mine) => Ok(*is_mine),
            None => run.lease.finish(RunEnd::Completed { last: run.last }).await,
        };
        join_all(runs.into_iter().map(end)).await
    }

    /// Ends those that have nothing to settle; whether the lease held, by the run's id.
    async fn complete_plain(&self, runs: &[CompletedRun]) -> Result<HashMap<Uuid, bool>> {
        let mut tx = BatchTx::begin(self.app()).await?;
        let now = self.app().clock().now();
        let mut outcome = HashMap::with_capacity(runs.len());
        let held = held(&tx, runs).await?;
        outcome.extend(
            runs.iter()
                .map(|run| &run.lease)
                .filter(|lease| !held.contains(&lease.job_id))
                .map(|lease| (lease.run_id(), false)),
        );
        let runs: Vec<&CompletedRun> = runs.iter().filter(|run| held.contains(&run.lease.job_id)).collect();
        let plain = plain(&tx, &runs).await?;
        let runs: Vec<(&CompletedRun, run::Model)> =
            runs.into_iter().filter_map(|run| Some((run, plain.get(&run.lease.run_id())?.clone()))).collect();
        if !runs.is_empty() {
            end_rows(&tx, &runs, now).await?;
            finish_streams(&tx, &runs, now).await?;
            let integrations =
                tx.one_of(integration::Column::Id, runs.iter().map(|(_, run)| run.integration_id));
            for hint in jobs::next_of(tx.connection(), Condition::all().add(integrations), now).await? {
                tx.push_after_commit(hint);
            }
            // In the order of all: jobs, then systems, then how integrations are.
            let recovered = heal_systems(&tx, &runs, now).await?;
            let ended: Vec<Ended<'_>> = runs.iter().map(|(_, run)| succeeded(run)).collect();
            tx.count_after_commit(ended.iter().map(|ended| ended.status));
            for change in runs_ended(tx.connection(), &ended, now).await? {
                tx.tell_after_commit(change);
            }
            look_again_at_users_of(tx.connection(), &recovered, now).await?;
        }
        let (mut costs, mut stored) = (Vec::with_capacity(runs.len()), Vec::with_capacity(runs.len()));
        for (completed, run) in &runs {
            let (cost, measured) = completed.lease.meter.take(run.tenant_id, run.id, now);
            costs.push(cost);
            stored.push((completed, measured));
            tx.tell_after_commit(crate::run::changed(run));
            outcome.insert(run.id, true);
        }
        metric::add(tx.connection(), costs).await?;
        tx.commit().await?;
        for (completed, measured) in stored {
            completed.lease.meter.was_stored(measured);
        }
        Ok(outcome)
    }
}

/// Jobs that are still their worker's, locked until the transaction ends.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn held(tx: &BatchTx, runs: &[CompletedRun]) -> Result<HashSet<Uuid>> {
    let tokens: HashMap<Uuid, Uuid> = runs.iter().map(|run| (run.lease.job_id, run.lease.token)).collect();
    let rows: Vec<(Uuid, Option<Uuid>)> = job::Entity::find()
        .select_only()
        .column(job::Column::Id)
        .column(job::Column::LeaseToken)
        .filter(tx.one_of(job::Column::Id, tokens.keys().copied()))
        .filter(job::Column::Status.eq(JobStatus::Running))
        .order_by_asc(job::Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for leases")?;
    Ok(rows.into_iter().filter(|(id, token)| tokens.get(id) == token.as_ref()).map(|(id, _)| id).collect())
}

/// A run as it ends here.
fn succeeded(run: &run::Model) -> Ended<'_> {
    Ended { run, status: RunStatus::Succeeded }
}

/// Runs in which every record arrived, that read their source as regular ones do, and whose integrations have no failure of
/// a whole run, which they would settle, and are not compared after each run.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn plain(tx: &BatchTx, runs: &[&CompletedRun]) -> Result<HashMap<Uuid, run::Model>> {
    let integrations = runs.iter().map(|run| run.lease.integration_id());
    let unsettled = Query::select()
        .expr(Expr::val(1))
        .from(failure::Entity)
        .and_where(
            Expr::col((failure::Entity, failure::Column::TenantId))
                .equals((integration::Entity, integration::Column::TenantId)),
        )
        .and_where(
            Expr::col((failure::Entity, failure::Column::IntegrationId))
                .equals((integration::Entity, integration::Column::Id)),
        )
        .and_where(failure::Column::Status.is_in([FailureStatus::Open, FailureStatus::Retrying]))
        .cond_where(of_the_whole())
        .to_owned();
    let unsettled: HashSet<Uuid> = integration::Entity::find()
        .select_only()
        .column(integration::Column::Id)
        .filter(tx.one_of(integration::Column::Id, integrations))
        .filter(Expr::exists(unsettled))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for failures to settle")?
        .into_iter()
        .collect();
    // Those whose last stream holds the integration have more to write.
    let holds = |run: &CompletedRun| run.last.as_ref().is_some_and(|last| last.breach.is_some());
    let holding: HashSet<Uuid> = runs.iter().filter(|run| holds(run)).map(|run| run.lease.run_id()).collect();
    let rows = run::Entity::find()
        .filter(tx.one_of(run::Column::Id, runs.iter().map(|run| run.lease.run_id())))
        .all(tx.connection())
        .await
        .doing("reading runs")?;
    let reconciling: HashSet<Uuid> = runs
        .iter()
        .map(|run| &run.lease.integration)
        .filter(|integration| integration.reconcile == ReconcilePolicy::AfterRun)
        .map(|integration| integration.id)
        .collect();
    let is_plain = |run: &run::Model| {
        run.retry_id.is_none()
            && run.retry_of_id.is_none()
            // Of one that says nothing of its own, health is derived behind that of all others.
            && succeeded(run).reads_source()
            && !reconciling.contains(&run.integration_id)
            && RunCounts::of(run).status() == RunStatus::Succeeded
            && !unsettled.contains(&run.integration_id)
            && !holding.contains(&run.id)
    };
    Ok(rows.into_iter().filter(is_plain).map(|run| (run.id, run)).collect())
}

#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn end_rows(tx: &BatchTx, runs: &[(&CompletedRun, run::Model)], now: DateTime<Utc>) -> Result<()> {
    job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Done))
        .col_expr(job::Column::FinishedAt, Expr::value(Some(now)))
        .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(tx.one_of(job::Column::Id, runs.iter().map(|(run, _)| run.lease.job_id)))
        .exec(tx.connection())
        .await
        .doing("ending jobs")?;
    run::Entity::update_many()
        .col_expr(run::Column::Status, Expr::value(RunStatus::Succeeded))
        .col_expr(run::Column::FinishedAt, Expr::value(Some(now)))
        .filter(tx.one_of(run::Column::Id, runs.iter().map(|(_, run)| run.id)))
        .exec(tx.connection())
        .await
        .doing("storing that runs finished")?;
    let events = runs.iter().map(|(_, run)| finished(&RunCounts::of(run)).row(run.tenant_id, run.id, now));
    tx.insert_many::<run_event::Entity>(events.collect(), "storing run events").await?;
    // Nobody else ends a run of these integrations meanwhile, so what the claim read still counts.
    let failed_before: Vec<Uuid> = runs
        .iter()
        .filter(|(run, _)| run.lease.integration.failed_run_count > 0)
        .map(|(_, run)| run.integration_id)
        .collect();
    if !failed_before.is_empty() {
        integration::Entity::update_many()
            .col_expr(integration::Column::FailedRunCount, Expr::value(0))
            .filter(tx.one_of(integration::Column::Id, failed_before))
            .exec(tx.connection())
            .await
            .doing("forgetting failed runs")?;
    }
    Ok(())
}

/// A run has tested the ends that it used. Answers with those that were not in order before.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn heal_systems(
    tx: &BatchTx,
    runs: &[(&CompletedRun, run::Model)],
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>> {
    let ends: HashSet<Uuid> = runs.iter().flat_map(|(run, _)| run.lease.used_systems()).collect();
    let update = system::Entity::update_many()
        .col_expr(system::Column::Status, Expr::value(SystemStatus::Healthy))
        .col_expr(system::Column::StatusMessage, Expr::value(None::<String>));
    let recovered = circuit::close(update, now)
        .filter(tx.one_of(system::Column::Id, ends))
        .exec_with_returning(tx.connection())
        .await
        .doing("storing that systems are healthy")?;
    Ok(recovered.into_iter().map(|system| system.id).collect())
}

/// Writes that the last streams went through, and where the next runs begin.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn finish_streams(
    tx: &BatchTx,
    runs: &[(&CompletedRun, run::Model)],
    now: DateTime<Utc>,
) -> Result<()> {
    // The other streams of these runs were stored when they ended.
    run_stream::Entity::update_many()
        .col_expr(run_stream::Column::FinishedAt, Expr::value(Some(now)))
        .col_expr(run_stream::Column::UpdatedAt, Expr::value(now))
        .filter(tx.one_of(run_stream::Column::RunId, runs.iter().map(|(_, run)| run.id)))
        .filter(run_stream::Column::FinishedAt.is_null())
        .exec(tx.connection())
        .await
        .doing("storing that streams went through")?;
    let watermarks: Vec<_> = runs
        .iter()
        .filter_map(|(completed, _)| completed.last.as_ref()?.cursor_row(&completed.lease.run, now))
        .map(all_set::<stream_cursor::Entity>)
        .collect();
    if watermarks.is_empty() {
        return Ok(());
    }
    use stream_cursor::Column;
    stream_cursor::Entity::insert_many(watermarks)
        .on_conflict(
            OnConflict::columns([Column::TenantId, Column::IntegrationId, Column::Stream])
                .update_columns([Column::Watermark, Column::RunId, Column::UpdatedAt])
                .to_owned(),
        )
        .exec_without_returning(tx.connection())
        .await
        .doing("storing watermarks")?;
    Ok(())
}

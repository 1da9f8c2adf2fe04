//! What kill switches do to jobs: put them aside, stop those that run, and let go what waited, slowly. Every worker does
//! it, without a leader, in steps of bounded size.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use entity::job::{self, JobStatus};
use entity::kill_switch::{self, KillSwitchScope, OnRelease};
use entity::run::{self, RunScope};
use entity::{integration, run_event, system};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use serde_json::json;
use uuid::Uuid;

use super::Background;
use super::transaction::BatchTx;
use crate::error::{Doing, Result};
use crate::job as jobs;
use crate::kill_switch::store_release;
use crate::run::Reach;
use crate::run_event::{self as events, NewEvent};
use crate::scope::TxScope;

/// Jobs that one step puts aside; claims find the others.
const PUT_ASIDE_MAX: u64 = 500;
/// How long after it was engaged jobs are looked for that claims of other workers took at that moment.
const LOOKED_FOR_SECONDS: i64 = 60;
/// Jobs that one kill switch lets go in a second, over all workers: what waited for hours must not fall on the outside
/// systems at once.
const RELEASED_PER_SECOND: u64 = 50;
/// How long after its release a kill switch is done with that nothing waits for any more: a claim that read it before
/// may still put something aside.
const DRAINED_AFTER_SECONDS: i64 = 60;

impl Background {
    /// One step of every kill switch that is not done with. Answers with how many jobs it moved. Costs one small query
    /// where there is none.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; what was done stands.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub async fn tick_kill_switches(&self) -> Result<u64> {
        let now = self.app().clock().now();
        let open = kill_switch::Entity::find()
            .filter(kill_switch::Column::DrainedAt.is_null())
            .order_by_asc(kill_switch::Column::Id)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading kill switches")?;
        let mut moved = 0;
        for switch in open {
            if switch.released_at.is_none() && switch.expires_at.is_some_and(|at| at <= now) {
                store_release(self.app().across_tenants().writer(), switch.id, now, None).await?;
            } else if switch.released_at.is_some() {
                moved += self.let_go(&switch, now).await?;
            } else if switch.created_at > now - Duration::seconds(LOOKED_FOR_SECONDS) {
                moved += self.stop(&switch).await?;
            }
        }
        Ok(moved)
    }

    /// Tells the workers of running jobs to stop, and puts those aside that wait.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn stop(&self, switch: &kill_switch::Model) -> Result<u64> {
        let tx = BatchTx::begin(self.app()).await?;
        job::Entity::update_many()
            .col_expr(job::Column::KillSwitchId, Expr::value(Some(switch.id)))
            .filter(job::Column::Status.eq(JobStatus::Running))
            .filter(job::Column::KillSwitchId.is_null())
            .filter(reached(switch))
            .exec(tx.connection())
            .await
            .doing("stopping jobs")?;
        let waiting: Vec<job::Model> = job::Entity::find()
            .filter(job::Column::Status.is_in([JobStatus::Queued, JobStatus::Waiting]))
            .filter(reached(switch))
            .order_by_asc(job::Column::Id)
            .limit(PUT_ASIDE_MAX)
            .lock_exclusive()
            .all(tx.connection())
            .await
            .doing("reading jobs to put aside")?;
        put_aside(&tx, switch, &waiting).await?;
        tx.commit().await?;
        Ok(waiting.len() as u64)
    }

    /// Lets the next go of what waited for a switch that was released.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn let_go(&self, switch: &kill_switch::Model, now: DateTime<Utc>) -> Result<u64> {
        let held = job::Entity::find()
            .filter(job::Column::KillSwitchId.eq(switch.id))
            .filter(job::Column::Status.eq(JobStatus::Held))
            // The oldest run first: one that has gone on overtakes none any more. Slices get their jobs later than their run.
            .order_by_asc(job::Column::SubjectId)
            .order_by_asc(job::Column::Id)
            .limit(RELEASED_PER_SECOND)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading jobs that a kill switch holds")?;
        // Those that did not stop yet need not any more.
        job::Entity::update_many()
            .col_expr(job::Column::KillSwitchId, Expr::value(None::<Uuid>))
            .filter(job::Column::Status.eq(JobStatus::Running))
            .filter(job::Column::KillSwitchId.eq(switch.id))
            .exec(self.app().across_tenants().writer())
            .await
            .doing("letting jobs run on")?;
        if held.is_empty() {
            let long_ago = now - Duration::seconds(DRAINED_AFTER_SECONDS);
            if switch.released_at.is_some_and(|at| at < long_ago) {
                self.mark(switch.id, kill_switch::Column::DrainedAt, now).await?;
            }
            return Ok(0);
        }
        if !self.take_turn(switch.id, now).await? {
            return Ok(0);
        }
        let mut moved = 0;
        for job in &held {
            let mut tx = TxScope::begin(self.app(), job.tenant_id).await?;
            let message = match switch.on_release {
                OnRelease::RunAll => None,
                OnRelease::RunLatest => is_overtaken(&tx, switch.id, job)
                    .await?
                    .then_some("A newer run of the integration takes its place."),
                OnRelease::Cancel => Some("What waited meanwhile is canceled."),
            };
            let is_moved = match message {
                None => jobs::release_from(&mut tx, switch.id, job).await?,
                Some(message) => cancel(&mut tx, job, message).await?,
            };
            tx.commit().await?;
            moved += u64::from(is_moved);
        }
        Ok(moved)
    }

    /// Whether this worker is the one that lets jobs go in this second.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn take_turn(&self, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
        let free = kill_switch::Column::DrainAfter.is_null().or(kill_switch::Column::DrainAfter.lte(now));
        let taken = kill_switch::Entity::update_many()
            .col_expr(kill_switch::Column::DrainAfter, Expr::value(Some(now + Duration::seconds(1))))
            .filter(kill_switch::Column::Id.eq(id))
            .filter(free)
            .exec(self.app().across_tenants().writer())
            .await
            .doing("taking the turn of a kill switch")?;
        Ok(taken.rows_affected > 0)
    }

    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn mark(&self, id: Uuid, column: kill_switch::Column, now: DateTime<Utc>) -> Result<()> {
        kill_switch::Entity::update_many()
            .col_expr(column, Expr::value(Some(now)))
            .filter(kill_switch::Column::Id.eq(id))
            .exec(self.app().across_tenants().writer())
            .await
            .doing("storing that a kill switch is done with")?;
        Ok(())
    }
}

/// Puts locked jobs aside for a kill switch, and tells their runs why.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(super) async fn put_aside(
    tx: &BatchTx,
    switch: &kill_switch::Model,
    waiting: &[job::Model],
) -> Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Held))
        .col_expr(job::Column::KillSwitchId, Expr::value(Some(switch.id)))
        .filter(job::Column::Id.is_in(waiting.iter().map(|job| job.id)))
        .exec(tx.connection())
        .await
        .doing("putting jobs aside")?;
    let now = tx.now();
    // Slices of one run are one to whoever reads it.
    let mut told = HashSet::new();
    let waiting = waiting.iter().filter(|job| told.insert(job.subject_id));
    let events = waiting.map(|job| held(switch).row(job.tenant_id, job.subject_id, now)).collect();
    tx.insert_many::<run_event::Entity>(events, "storing run events").await
}

/// The event of a run that a kill switch holds, in the customer's words.
pub(super) fn held(switch: &kill_switch::Model) -> NewEvent {
    NewEvent::new("run.held", "worker", format!("The run is kept: {}", switch.message_for_customers))
        .attributes(json!({ "until": switch.expires_at }))
}

/// Whether it stops an integration that reads from one of these systems and writes to the other.
pub(super) fn is_reached(
    switch: &kill_switch::Model,
    integration: &integration::Model,
    ends: [&system::Model; 2],
) -> bool {
    match switch.scope {
        KillSwitchScope::Platform => true,
        KillSwitchScope::Connector => {
            ends.iter().any(|system| switch.connector.as_deref() == Some(system.connector.as_str()))
        }
        KillSwitchScope::Tenant => switch.tenant_id == Some(integration.tenant_id),
        KillSwitchScope::Integration => switch.integration_id == Some(integration.id),
    }
}

/// Jobs that it reaches.
fn reached(switch: &kill_switch::Model) -> Condition {
    let all = Condition::all();
    match switch.scope {
        KillSwitchScope::Platform => all,
        KillSwitchScope::Tenant => all.add(job::Column::TenantId.eq(switch.tenant_id)),
        KillSwitchScope::Integration => all.add(job::Column::IntegrationId.eq(switch.integration_id)),
        KillSwitchScope::Connector => {
            let systems = Query::select()
                .column(system::Column::Id)
                .from(system::Entity)
                .and_where(system::Column::Connector.eq(switch.connector.clone()))
                .to_owned();
            let integrations = Query::select()
                .column(integration::Column::Id)
                .from(integration::Entity)
                .and_where(
                    integration::Column::SourceId
                        .in_subquery(systems.clone())
                        .or(integration::Column::DestinationId.in_subquery(systems)),
                )
                .to_owned();
            all.add(job::Column::IntegrationId.in_subquery(integrations))
        }
    }
}

/// Whether a newer run from the source waits behind it. A retry of stored records, a backfill and a reconciliation are
/// overtaken by none: no other run does what they do.
async fn is_overtaken(tx: &TxScope, switch_id: Uuid, job: &job::Model) -> Result<bool> {
    let own = tx
        .find::<run::Entity>()
        .filter(run::Column::Id.eq(job.subject_id))
        .one(tx.connection())
        .await
        .doing("reading a run")?;
    let is_ordinary =
        |run: &run::Model| run.scope == RunScope::AllRecords && Reach::of(run) == Reach::default();
    if !own.as_ref().is_some_and(is_ordinary) {
        return Ok(false);
    }
    let from_source = tx
        .find::<run::Entity>()
        .select_only()
        .column(run::Column::Id)
        .filter(run::Column::IntegrationId.eq(job.integration_id))
        .filter(run::Column::Scope.eq(RunScope::AllRecords))
        .filter(run::Column::BackfillId.is_null())
        .filter(run::Column::ReconciliationId.is_null())
        .into_query();
    let newer = tx
        .find::<job::Entity>()
        .filter(job::Column::KillSwitchId.eq(switch_id))
        .filter(job::Column::Status.eq(JobStatus::Held))
        .filter(job::Column::IntegrationId.eq(job.integration_id))
        // By the runs' ids, which are in the order of asking: slices get their jobs when their run is divided.
        .filter(job::Column::SubjectId.gt(job.subject_id))
        .filter(job::Column::SubjectId.in_subquery(from_source))
        .limit(1)
        .one(tx.connection())
        .await
        .doing("looking for a newer run")?;
    Ok(newer.is_some())
}

/// Cancels a run that waits, with the reason.
async fn cancel(tx: &mut TxScope, job: &job::Model, reason: &str) -> Result<bool> {
    let locked = jobs::lock_of_run(tx, job.subject_id).await?;
    if !locked.iter().any(|now| now.id == job.id && now.status == JobStatus::Held) {
        return Ok(false);
    }
    let is_ended = jobs::end_unclaimed(tx, job.subject_id).await?;
    if !is_ended {
        // Another slice of it goes on meanwhile.
        jobs::request_cancel(tx, job.subject_id).await?;
    }
    let run = tx
        .find::<run::Entity>()
        .filter(run::Column::Id.eq(job.subject_id))
        .one(tx.connection())
        .await
        .doing("reading a run")?;
    let Some(run) = run else { return Ok(false) };
    let event = NewEvent::new("run.cancel_requested", "worker", reason);
    events::record(tx, run.id, vec![event]).await?;
    if is_ended {
        crate::run::end_canceled(tx, &run).await?;
    }
    Ok(true)
}

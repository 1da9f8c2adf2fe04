//! Job rows: the truth about what is to be done. Inserted in the transaction of the change that causes
//! them; the queue is told after the commit.

use chrono::{DateTime, Duration, Utc};
use entity::integration::IntegrationStatus;
use entity::job::{self, JobKind, JobStatus};
use entity::tenant::TenantStatus;
use entity::{integration, tenant};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockType, Order, Query, SelectStatement};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::dispatch::{JobHint, Priority};
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::integration::RetryPolicy;
use crate::run_slice;
use crate::scope::TxScope;

/// Jobs pushed right after a release; the sweeper pushes the others.
const RELEASED_PUSHED_MAX: u64 = 100;

/// When a job is pushed again that is pushed now, in case the queue has lost it: pushing what it still has changes
/// nothing there.
pub(crate) fn push_again_at(now: DateTime<Utc>) -> DateTime<Utc> {
    now + Duration::seconds(15)
}

/// Added to the time until which a job waits, so that whoever claims it finds that it is due.
const DUE_MARGIN: std::time::Duration = std::time::Duration::from_millis(20);

/// The job of a run that is new.
pub(crate) struct NewJob<'a> {
    pub(crate) run_id: Uuid,
    pub(crate) integration: &'a integration::Model,
    pub(crate) priority: Priority,
    /// The span that its execution goes on with.
    pub(crate) traceparent: Option<String>,
}

/// Inserts the jobs of runs, to be claimed after so long. Each waits `HELD` while its integration or tenant may not run.
pub(crate) async fn enqueue(
    tx: &mut TxScope,
    runs: Vec<NewJob<'_>>,
    wait: std::time::Duration,
) -> Result<()> {
    let tenant_runs = tenant_is_active(tx).await?;
    let now = tx.app().clock().now();
    let available_at = now + Duration::from_std(wait).unwrap_or(Duration::zero());
    let mut jobs = Vec::with_capacity(runs.len());
    for NewJob { run_id, integration, priority, traceparent } in runs {
        let runs = tenant_runs && integration.status == IntegrationStatus::Active;
        let job = job::Model {
            id: new_id(),
            tenant_id: tx.tenant_id(),
            integration_id: integration.id,
            kind: JobKind::Run,
            subject_id: run_id,
            slice_id: None,
            status: if runs { JobStatus::Queued } else { JobStatus::Held },
            priority: priority as i16,
            attempt: 0,
            max_attempts: RetryPolicy::of(integration, tx.app()).attempts,
            available_at,
            wait_code: None,
            lease_until: None,
            lease_token: None,
            worker: None,
            begun: false,
            cancel_requested: false,
            kill_switch_id: None,
            push_at: if wait.is_zero() { push_again_at(now) } else { available_at },
            traceparent,
            last_error: None,
            created_at: now,
            finished_at: None,
        };
        match runs {
            true if wait.is_zero() => tx.push_after_commit(hint(&job)),
            true => tx.push_later(wait + DUE_MARGIN, hint(&job)),
            false => {}
        }
        jobs.push(job);
    }
    tx.insert_many::<job::Entity>(jobs, "storing jobs").await
}

pub(crate) fn hint(job: &job::Model) -> JobHint {
    let priority = if job.begun { Priority::Resumed } else { Priority::from_i16(job.priority) };
    JobHint { job_id: job.id, tenant_id: job.tenant_id, priority }
}

/// Holds the jobs of an integration that have not started.
pub(crate) async fn hold_integration(tx: &TxScope, integration_id: Uuid) -> Result<()> {
    hold(tx, job::Column::IntegrationId.eq(integration_id)).await
}

/// Holds the jobs of the tenant that have not started.
pub(crate) async fn hold_tenant(tx: &TxScope) -> Result<()> {
    hold(tx, Expr::value(true)).await
}

async fn hold(tx: &TxScope, which: sea_orm::sea_query::SimpleExpr) -> Result<()> {
    tx.update::<job::Entity>()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Held))
        .filter(which)
        .filter(job::Column::Status.is_in([JobStatus::Queued, JobStatus::Waiting]))
        .exec(tx.connection())
        .await
        .doing("holding jobs")?;
    Ok(())
}

/// Lets the held jobs of an integration go, if its tenant is active.
pub(crate) async fn release_integration(tx: &mut TxScope, integration_id: Uuid) -> Result<()> {
    if !tenant_is_active(tx).await? {
        return Ok(());
    }
    release(tx, job::Column::IntegrationId.eq(integration_id)).await
}

/// Lets the held jobs of the tenant go, of the integrations that are active.
pub(crate) async fn release_tenant(tx: &mut TxScope) -> Result<()> {
    let active = Query::select()
        .column(integration::Column::Id)
        .from(integration::Entity)
        .and_where(integration::Column::TenantId.eq(tx.tenant_id()))
        .and_where(integration::Column::Status.eq(IntegrationStatus::Active))
        .to_owned();
    release(tx, job::Column::IntegrationId.in_subquery(active)).await
}

/// Lets jobs of an integration go that nothing holds: it was let go while a claim that had read it before put them aside.
pub(crate) async fn release_stranded(tx: &mut TxScope, integration_id: Uuid) -> Result<()> {
    let integration = lock_of_integration(tx, integration_id).await?;
    let is_active = integration.is_some_and(|row| row.status == IntegrationStatus::Active);
    if !is_active || !tenant_is_active(tx).await? {
        return Ok(());
    }
    let of_it = job::Column::IntegrationId.eq(integration_id);
    release(tx, of_it.and(job::Column::KillSwitchId.is_null())).await
}

/// Who holds or releases an integration has its row before its jobs.
async fn lock_of_integration(tx: &TxScope, id: Uuid) -> Result<Option<integration::Model>> {
    tx.find::<integration::Entity>()
        .filter(integration::Column::Id.eq(id))
        .lock(LockType::NoKeyUpdate)
        .one(tx.connection())
        .await
        .doing("locking an integration")
}

async fn tenant_is_active(tx: &TxScope) -> Result<bool> {
    let tenant =
        tx.find::<tenant::Entity>().one(tx.connection()).await.doing("reading the tenant of jobs")?;
    Ok(tenant.is_some_and(|tenant| tenant.status == TenantStatus::Active))
}

async fn release(tx: &mut TxScope, which: sea_orm::sea_query::SimpleExpr) -> Result<()> {
    let now = tx.app().clock().now();
    tx.update::<job::Entity>()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Queued))
        .col_expr(job::Column::AvailableAt, Expr::value(now))
        .col_expr(job::Column::PushAt, Expr::value(now))
        // Should one be engaged, the next claim finds it again.
        .col_expr(job::Column::KillSwitchId, Expr::value(None::<Uuid>))
        .filter(which.clone())
        .filter(job::Column::Status.eq(JobStatus::Held))
        .exec(tx.connection())
        .await
        .doing("releasing jobs")?;
    let released = tx
        .find::<job::Entity>()
        .filter(which)
        .filter(job::Column::Status.eq(JobStatus::Queued))
        .order_by_asc(job::Column::Id)
        .limit(RELEASED_PUSHED_MAX)
        .all(tx.connection())
        .await
        .doing("reading released jobs")?;
    for job in &released {
        tx.push_after_commit(hint(job));
    }
    Ok(())
}

/// The runs that a kill switch keeps, of whatever tenants.
pub(crate) fn kept_by(kill_switch_id: Uuid) -> SelectStatement {
    Query::select()
        .column(job::Column::SubjectId)
        .from(job::Entity)
        .and_where(job::Column::KillSwitchId.eq(kill_switch_id))
        // Written out: the index of these has no others.
        .and_where(Expr::col(job::Column::Status).eq(Expr::Constant(JobStatus::Held.into())))
        .to_owned()
}

/// Queues a job again that a kill switch holds. False when it does not hold it any more.
pub(crate) async fn release_from(tx: &mut TxScope, kill_switch_id: Uuid, held: &job::Model) -> Result<bool> {
    let now = tx.app().clock().now();
    let released = tx
        .update::<job::Entity>()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Queued))
        .col_expr(job::Column::AvailableAt, Expr::value(now))
        .col_expr(job::Column::PushAt, Expr::value(push_again_at(now)))
        .col_expr(job::Column::KillSwitchId, Expr::value(None::<Uuid>))
        .filter(job::Column::Id.eq(held.id))
        .filter(job::Column::Status.eq(JobStatus::Held))
        .filter(job::Column::KillSwitchId.eq(kill_switch_id))
        .exec(tx.connection())
        .await
        .doing("releasing a job from a kill switch")?;
    let is_released = released.rows_affected > 0;
    if is_released {
        tx.push_after_commit(hint(held));
    }
    Ok(is_released)
}

/// The jobs of a run that are not done, locked until the transaction ends: its own before those of its slices. Whoever
/// changes several of them locks them so first, or two would wait for each other.
pub(crate) async fn lock_of_run(tx: &TxScope, run_id: Uuid) -> Result<Vec<job::Model>> {
    // By a statement of its own: who waits for it while the run is being divided sees its slices in the next one.
    tx.find::<job::Entity>()
        .filter(job::Column::SubjectId.eq(run_id))
        .filter(job::Column::SliceId.is_null())
        .lock_exclusive()
        .one(tx.connection())
        .await
        .doing("locking the job of a run")?;
    tx.find::<job::Entity>()
        .filter(job::Column::SubjectId.eq(run_id))
        .filter(job::Column::Status.ne(JobStatus::Done))
        .order_by_asc(job::Column::Id)
        .lock_exclusive()
        .all(tx.connection())
        .await
        .doing("locking the jobs of a run")
}

/// The same for what may hold or release the integration besides: who does that has its row before its jobs.
pub(crate) async fn lock_of_run_and_integration(
    tx: &TxScope,
    integration_id: Uuid,
    run_id: Uuid,
) -> Result<Vec<job::Model>> {
    lock_of_integration(tx, integration_id).await?;
    lock_of_run(tx, run_id).await
}

/// Ends those of a run's jobs that no worker has. False when a worker has one, or all are done.
pub(crate) async fn end_unclaimed(tx: &TxScope, run_id: Uuid) -> Result<bool> {
    let jobs = lock_of_run(tx, run_id).await?;
    let is_unclaimed =
        |job: &&job::Model| matches!(job.status, JobStatus::Queued | JobStatus::Waiting | JobStatus::Held);
    end(tx, jobs.iter().filter(is_unclaimed).map(|job| job.id).collect()).await?;
    if jobs.iter().any(|job| job.slice_id.is_some()) {
        run_slice::stop_ended(tx, run_id).await?;
    }
    if jobs.is_empty() || jobs.iter().any(|job| job.status == JobStatus::Running) {
        return Ok(false);
    }
    end(tx, jobs.iter().map(|job| job.id).collect()).await?;
    Ok(true)
}

/// Writes that these jobs are done; callers have locked them.
pub(crate) async fn end(tx: &TxScope, jobs: Vec<Uuid>) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let now = tx.app().clock().now();
    tx.update::<job::Entity>()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Done))
        .col_expr(job::Column::FinishedAt, Expr::value(Some(now)))
        .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(job::Column::Id.is_in(jobs))
        .exec(tx.connection())
        .await
        .doing("ending jobs")?;
    Ok(())
}

/// Asks the workers that have jobs of the run to stop it.
pub(crate) async fn request_cancel(tx: &TxScope, run_id: Uuid) -> Result<()> {
    tx.update::<job::Entity>()
        .col_expr(job::Column::CancelRequested, Expr::value(true))
        .filter(job::Column::SubjectId.eq(run_id))
        .filter(job::Column::Status.is_in([JobStatus::Running, JobStatus::Divided]))
        .exec(tx.connection())
        .await
        .doing("asking a worker to stop a run")?;
    Ok(())
}

/// Lets the next job of an integration go, after one of it ended.
pub(crate) async fn release_next(tx: &mut TxScope, integration_id: Uuid) -> Result<()> {
    let now = tx.app().clock().now();
    let integration = Condition::all()
        .add(integration::Column::TenantId.eq(tx.tenant_id()))
        .add(integration::Column::Id.eq(integration_id));
    for hint in next_of(tx.connection(), integration, now).await? {
        tx.push_after_commit(hint);
    }
    Ok(())
}

/// Queues the next job of each of these integrations that waits for another one; they are to be pushed.
#[expect(clippy::disallowed_methods, reason = "callers say whose integrations")]
pub(crate) async fn next_of(
    connection: &DatabaseTransaction,
    integrations: Condition,
    now: DateTime<Utc>,
) -> Result<Vec<JobHint>> {
    let same = |job, integration| Expr::col((job::Entity, job)).equals((integration::Entity, integration));
    let next = Query::select()
        .column(job::Column::Id)
        .from(job::Entity)
        .and_where(same(job::Column::TenantId, integration::Column::TenantId))
        .and_where(same(job::Column::IntegrationId, integration::Column::Id))
        .and_where(job::Column::Status.eq(JobStatus::Waiting))
        .order_by(job::Column::Priority, Order::Desc)
        .order_by(job::Column::Id, Order::Asc)
        .limit(1)
        .to_owned();
    let next = Query::select()
        .expr(Expr::SubQuery(None, Box::new(next.into())))
        .from(integration::Entity)
        .cond_where(integrations)
        .to_owned();
    let released = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Queued))
        .col_expr(job::Column::AvailableAt, Expr::value(now))
        .col_expr(job::Column::PushAt, Expr::value(push_again_at(now)))
        .filter(job::Column::Id.in_subquery(next))
        .filter(job::Column::Status.eq(JobStatus::Waiting))
        .exec_with_returning(connection)
        .await
        .doing("releasing the next jobs of integrations")?;
    Ok(released.iter().map(hint).collect())
}

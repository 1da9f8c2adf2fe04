//! What every worker does every few seconds, bounded, without a leader: takes over what was lost, and tells the
//! queue what it does not know.

use chrono::{DateTime, Duration, Utc};
use entity::job::{self, JobStatus};
use entity::run;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::Background;
use super::failed::{WholeFailure, end_failed};
use crate::dispatch::JobHint;
use crate::error::{Doing, Result};
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;
use crate::{idempotency, job as jobs, portal_session, session, signing_key};

/// Rows of each kind that one sweep takes.
const ROWS_MAX: u64 = 500;
/// A due job that was pushed so long ago is pushed again: the queue may have lost it. Pushing what the queue
/// still has changes nothing there.
const PUSH_AGAIN_SECONDS: i64 = 15;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Runs whose worker said nothing for too long, queued again.
    pub taken_over: u64,
    /// Runs that were lost once too often, failed.
    pub given_up: u64,
    /// Jobs whose turn came, because what they waited for is gone.
    pub released: u64,
    /// Hints for the queue.
    pub pushed: u64,
}

impl Background {
    /// One sweep; the hints are to be pushed by the caller.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; what was done stands.
    pub async fn sweep(&self) -> Result<(Swept, Vec<JobHint>)> {
        let mut swept = Swept::default();
        self.take_over(&mut swept).await?;
        self.release_waiting(&mut swept).await?;
        let hints = self.due_and_not_pushed().await?;
        swept.pushed = hints.len() as u64;
        Ok((swept, hints))
    }

    /// Deletes what nobody looks at any more: old idempotency keys, ended sessions, invitations long over, retired
    /// signing keys, workers that are gone. Answers with how many rows.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used.
    pub async fn purge(&self) -> Result<u64> {
        let keys = idempotency::purge(self.app()).await?;
        let sessions = session::purge(self.app()).await?;
        let cutoffs = portal_session::purge_cutoffs(self.app()).await?;
        let workers = self.forget_workers().await?;
        Ok(keys + sessions + cutoffs + workers + signing_key::purge(self.app()).await?)
    }

    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn take_over(&self, swept: &mut Swept) -> Result<()> {
        let now = self.app().clock().now();
        let lost = job::Entity::find()
            .filter(job::Column::Status.eq(JobStatus::Running))
            .filter(job::Column::LeaseUntil.lt(now))
            .limit(ROWS_MAX)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading jobs whose lease ended")?;
        for job in lost {
            let mut tx = TxScope::begin(self.app(), job.tenant_id).await?;
            let spent = job.attempt >= job.max_attempts;
            let status = if spent { JobStatus::Done } else { JobStatus::Queued };
            let taken = tx
                .update::<job::Entity>()
                .col_expr(job::Column::Status, Expr::value(status))
                .col_expr(job::Column::AvailableAt, Expr::value(now))
                .col_expr(job::Column::LeaseToken, Expr::value(None::<Uuid>))
                // Its next claim finds the kill switch again, if one is engaged.
                .col_expr(job::Column::KillSwitchId, Expr::value(None::<Uuid>))
                .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
                .col_expr(job::Column::EnqueuedAt, Expr::value(Some(now)))
                .col_expr(job::Column::LastError, Expr::value(Some("its worker was lost".to_owned())))
                .col_expr(job::Column::FinishedAt, Expr::value(spent.then_some(now)))
                .filter(job::Column::Id.eq(job.id))
                .filter(job::Column::Status.eq(JobStatus::Running))
                .filter(job::Column::LeaseToken.eq(job.lease_token))
                .filter(job::Column::LeaseUntil.lt(now))
                .exec(tx.connection())
                .await
                .doing("taking a job over")?;
            if taken.rows_affected == 0 {
                continue;
            }
            if spent {
                let failure = WholeFailure::worker_lost(job.attempt);
                let run = tx
                    .find::<run::Entity>()
                    .filter(run::Column::Id.eq(job.subject_id))
                    .one(tx.connection())
                    .await
                    .doing("reading a lost run")?;
                if let Some(run) = run {
                    end_failed(&mut tx, &run, failure).await?;
                }
                swept.given_up += 1;
            } else {
                let event = NewEvent::new(
                    "run.taken_over",
                    "worker",
                    "A fault on our side interrupted the run; it goes on from its last checkpoint.",
                );
                run_event::record(&tx, job.subject_id, vec![event]).await?;
                tx.push_after_commit(jobs::hint(&job));
                swept.taken_over += 1;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Jobs that wait for a run that is no longer there: a crash between its end and their release.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn release_waiting(&self, swept: &mut Swept) -> Result<()> {
        let under_way = Query::select()
            .column(job::Column::IntegrationId)
            .from(job::Entity)
            .and_where(
                job::Column::Status
                    .is_in([JobStatus::Running, JobStatus::Queued])
                    .or(job::Column::Begun.eq(true).and(job::Column::Status.ne(JobStatus::Done))),
            )
            .to_owned();
        let stranded = job::Entity::find()
            .filter(job::Column::Status.eq(JobStatus::Waiting))
            .filter(job::Column::IntegrationId.not_in_subquery(under_way))
            .order_by_asc(job::Column::Id)
            .limit(ROWS_MAX)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading jobs that wait for nothing")?;
        for job in stranded {
            let mut tx = TxScope::begin(self.app(), job.tenant_id).await?;
            jobs::release_next(&mut tx, job.integration_id).await?;
            tx.commit().await?;
            swept.released += 1;
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn due_and_not_pushed(&self) -> Result<Vec<JobHint>> {
        let now = self.app().clock().now();
        let pushed_before = now - Duration::seconds(PUSH_AGAIN_SECONDS);
        let connection = self.app().across_tenants().writer();
        let due = job::Entity::find()
            .filter(job::Column::Status.eq(JobStatus::Queued))
            .filter(job::Column::AvailableAt.lte(now))
            .filter(job::Column::EnqueuedAt.is_null().or(job::Column::EnqueuedAt.lt(pushed_before)))
            .order_by_asc(job::Column::AvailableAt)
            .limit(ROWS_MAX)
            .all(connection)
            .await
            .doing("reading jobs that are due")?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        job::Entity::update_many()
            .col_expr(job::Column::EnqueuedAt, Expr::value(Some(now)))
            .filter(job::Column::Id.is_in(due.iter().map(|job| job.id)))
            .filter(job::Column::Status.eq(JobStatus::Queued))
            .exec(connection)
            .await
            .doing("storing that jobs are pushed")?;
        Ok(due.iter().map(jobs::hint).collect())
    }
}

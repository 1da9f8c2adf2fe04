//! What every worker does every few seconds, bounded, without a leader: takes over what was lost, and tells the
//! queue what it does not know.

use chrono::{DateTime, Duration, Utc};
use entity::job::{self, JobStatus};
use entity::run;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement};
use uuid::Uuid;

use super::failed::{WholeFailure, end_failed};
use super::slice::{self, TakenOver};
use super::{Background, metric};
use crate::dispatch::JobHint;
use crate::error::{Doing, Result};
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;
use crate::{
    change, connect_link, contact, exchange, export, health, idempotency, job as jobs, kpi, notice,
    portal_session, session, signing_key, synthetic_check, webhook_event,
};

/// Rows of each kind that one sweep takes.
const ROWS_MAX: u64 = 500;
/// Integrations whose waiting jobs one sweep looks at.
const INTEGRATIONS_MAX: usize = 500;
/// A job that waits for so long since it could go is pushed again less often: there is a backlog.
const WAITS_LONG_SECONDS: i64 = 60;
/// How much less often.
const PUSH_AGAIN_LATER_SECONDS: i64 = 300;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Runs whose worker said nothing for too long, queued again.
    pub taken_over: u64,
    /// Runs that were lost once too often, failed.
    pub given_up: u64,
    /// Integrations with jobs that waited for a run that is gone, or were held though nothing holds them.
    pub released: u64,
    /// Hints for the queue.
    pub pushed: u64,
    /// The last integration whose waiting jobs were looked at; the next sweep goes on after it.
    looked_until: Uuid,
}

/// Where a page of [`Background::all_due`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DuePosition(DateTime<Utc>, Uuid);

impl Background {
    /// One sweep; the hints are to be pushed by the caller. `swept_before` is what the one before answered.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; what was done stands.
    pub async fn sweep(&self, swept_before: Swept) -> Result<(Swept, Vec<JobHint>)> {
        let mut swept = Swept::default();
        self.take_over(&mut swept).await?;
        swept.looked_until = self.release_waiting(swept_before.looked_until, &mut swept).await?;
        let hints = self.due_and_not_pushed().await?;
        swept.pushed = hints.len() as u64;
        Ok((swept, hints))
    }

    /// Deletes what nobody looks at any more: old idempotency keys, ended sessions, invitations long over, connect
    /// links that are over, events of webhooks that are read, old exchanges, old hours and days, old notices,
    /// old results of synthetic checks, changes that nobody is told any more, files of exports that have expired, retired
    /// signing keys, old troubles of systems, workers that are gone; and takes
    /// groups from contacts that are gone. Answers with how many rows.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used.
    pub async fn purge(&self) -> Result<u64> {
        let keys = idempotency::purge(self.app()).await?;
        let sessions = session::purge(self.app()).await?;
        let cutoffs = portal_session::purge_cutoffs(self.app()).await?;
        let workers = self.forget_workers().await? + self.purge_faults().await?;
        let links = connect_link::purge(self.app()).await?;
        let events = webhook_event::purge(self.app()).await?;
        let hours = self.purge_group_hours().await? + health::rollup::purge(self.app()).await?;
        let hours = hours + kpi::rollup::purge(self.app()).await?;
        let clues = exchange::purge(self.app()).await?;
        let keys = keys + signing_key::purge(self.app()).await?;
        let notices = notice::purge(self.app().across_tenants().writer(), self.app().clock().now()).await?;
        let results = synthetic_check::purge(self.app()).await? + contact::purge(self.app()).await?;
        let results = results + change::journal::purge(self.app()).await?;
        let results = results + export::purge::purge(self.app()).await?;
        Ok(keys + sessions + cutoffs + workers + links + events + hours + clues + notices + results)
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
            if job.slice_id.is_some() {
                match slice::take_over(&mut tx, &job, now).await? {
                    Some(TakenOver::Queued) => {
                        swept.taken_over += 1;
                        let lost = metric::taken_over(job.tenant_id, job.subject_id, now);
                        metric::add(tx.connection(), vec![lost]).await?;
                    }
                    Some(TakenOver::Over) => swept.given_up += 1,
                    None => continue,
                }
                tx.commit().await?;
                continue;
            }
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
                .col_expr(job::Column::PushAt, Expr::value(jobs::push_again_at(now)))
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
                    end_failed(&mut tx, &run, failure).await?.settle(&tx).await?;
                }
                swept.given_up += 1;
            } else {
                let event = NewEvent::new(
                    "run.taken_over",
                    "worker",
                    "A fault on our side interrupted the run; it goes on from its last checkpoint.",
                );
                run_event::record(&tx, job.subject_id, vec![event]).await?;
                let lost = metric::taken_over(job.tenant_id, job.subject_id, now);
                metric::add(tx.connection(), vec![lost]).await?;
                tx.push_after_commit(jobs::hint(&job));
                swept.taken_over += 1;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Jobs that wait for nothing any more: the run before them ended, or their integration or tenant was let go, while a
    /// claim put them aside. Looks at the integrations after this one, and answers with where the next sweep goes on.
    async fn release_waiting(&self, after: Uuid, swept: &mut Swept) -> Result<Uuid> {
        let doing = "reading jobs that wait for nothing";
        let connection = self.app().across_tenants().writer();
        let limit = i64::try_from(INTEGRATIONS_MAX).unwrap_or(i64::MAX);
        let statement = Statement::from_sql_and_values(
            connection.get_database_backend(),
            STRANDED,
            [after.into(), limit.into()],
        );
        let rows = connection.query_all_raw(statement).await.doing(doing)?;
        let mut last = Uuid::nil();
        for row in &rows {
            last = row.try_get_by_index(0).doing(doing)?;
            let (waits, is_held): (bool, bool) =
                (row.try_get_by_index(2).doing(doing)?, row.try_get_by_index(3).doing(doing)?);
            if !waits && !is_held {
                continue;
            }
            let mut tx = TxScope::begin(self.app(), row.try_get_by_index(1).doing(doing)?).await?;
            if waits {
                jobs::release_next(&mut tx, last).await?;
            }
            if is_held {
                jobs::release_stranded(&mut tx, last).await?;
            }
            tx.commit().await?;
            swept.released += 1;
        }
        Ok(if rows.len() < INTEGRATIONS_MAX { Uuid::nil() } else { last })
    }

    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn due_and_not_pushed(&self) -> Result<Vec<JobHint>> {
        let now = self.app().clock().now();
        let connection = self.app().across_tenants().writer();
        let due = job::Entity::find()
            .filter(job::Column::Status.eq(JobStatus::Queued))
            .filter(job::Column::PushAt.lte(now))
            .order_by_asc(job::Column::PushAt)
            .order_by_asc(job::Column::Id)
            .limit(ROWS_MAX)
            .all(connection)
            .await
            .doing("reading jobs that are due")?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        // What waits for long waits for its turn, and is seldom lost.
        let waits_long = job::Column::AvailableAt.lt(now - Duration::seconds(WAITS_LONG_SECONDS));
        let again = Expr::case(waits_long, Expr::value(now + Duration::seconds(PUSH_AGAIN_LATER_SECONDS)))
            .finally(Expr::value(jobs::push_again_at(now)));
        job::Entity::update_many()
            .col_expr(job::Column::PushAt, again.into())
            .filter(job::Column::Id.is_in(due.iter().map(|job| job.id)))
            .filter(job::Column::Status.eq(JobStatus::Queued))
            .exec(connection)
            .await
            .doing("storing that jobs are pushed")?;
        Ok(due.iter().map(jobs::hint).collect())
    }

    /// A page of all that is due, pushed already or not, for a queue that has forgotten everything; `after` is where the
    /// page before ended. Empty at the end.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be read.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub async fn all_due(&self, after: Option<DuePosition>) -> Result<(Vec<JobHint>, Option<DuePosition>)> {
        let mut select = job::Entity::find()
            .filter(job::Column::Status.eq(JobStatus::Queued))
            .filter(job::Column::AvailableAt.lte(self.app().clock().now()));
        if let Some(DuePosition(push_at, id)) = after {
            let position = |push_at: Expr, id: Expr| Expr::tuple([push_at, id]);
            let here = position(Expr::col(job::Column::PushAt), Expr::col(job::Column::Id));
            select = select.filter(here.gt(position(Expr::value(push_at), Expr::value(id))));
        }
        let page = select
            .order_by_asc(job::Column::PushAt)
            .order_by_asc(job::Column::Id)
            .limit(ROWS_MAX)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading all that is due")?;
        let last = page.last().map(|job| DuePosition(job.push_at, job.id));
        Ok((page.iter().map(jobs::hint).collect(), last))
    }
}

/// Visits integrations that have waiting or held jobs, by a loose index scan, and says of each whether one waits although
/// nothing of it is under way, and whether one is held although nothing holds it.
const STRANDED: &str = "\
WITH RECURSIVE t (integration_id, place) AS ( \
  SELECT (SELECT integration_id FROM job WHERE (status = 'WAITING' OR status = 'HELD') AND integration_id > $1 \
          ORDER BY integration_id LIMIT 1), CAST(1 AS bigint) \
  UNION ALL \
  SELECT (SELECT n.integration_id FROM job n WHERE (n.status = 'WAITING' OR n.status = 'HELD') \
          AND n.integration_id > t.integration_id ORDER BY n.integration_id LIMIT 1), t.place + 1 \
  FROM t WHERE t.integration_id IS NOT NULL AND t.place < $2) \
SELECT i.id, i.tenant_id, \
  EXISTS (SELECT 1 FROM job u WHERE u.integration_id = i.id AND u.status = 'WAITING') AND \
  NOT EXISTS (SELECT 1 FROM job u WHERE u.integration_id = i.id AND u.status = 'QUEUED') \
  AND NOT EXISTS (SELECT 1 FROM job u WHERE u.integration_id = i.id AND u.begun AND u.status <> 'DONE'), \
  i.status = 'ACTIVE' AND c.status = 'ACTIVE' AND \
  EXISTS (SELECT 1 FROM job u WHERE u.integration_id = i.id AND u.status = 'HELD' AND u.kill_switch_id IS NULL) \
FROM t JOIN integration i ON i.id = t.integration_id JOIN tenant c ON c.id = i.tenant_id ORDER BY t.place";

//! Whether workers take what is due: what each of them says of itself, and the oldest job that may go and does not. Raw
//! SQL for the latter: it visits the tenants that have work, as [`due`](super::due) does, and looks at no more than some
//! jobs of each. Deliberately absent: when that is alarming.

use chrono::{DateTime, Duration, Utc};
use entity::integration_health::HealthStatus;
use entity::{integration_health, worker};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
};
use uuid::Uuid;

use super::Background;
use crate::error::{Doing, Error, Result};
use crate::scope::all_set;

/// How often a worker says that it is there, in seconds.
pub const WORKER_REPORT_SECONDS: u64 = 2;
/// A worker that said nothing for so long is not there: five times in a row.
const SILENT_AFTER_SECONDS: i64 = 10;
/// How long a worker that is gone is remembered.
const REMEMBERED_SECONDS: i64 = 3_600;
/// Tenants with queued jobs that one look visits.
const TENANTS_MAX: i64 = 1_000;
/// Due jobs of a tenant that one look visits for one that may go.
const JOBS_MAX: i64 = 50;

/// Due jobs that one look counts: as many say enough.
const DUE_JOBS_MAX: u32 = 10_000;

/// What a worker says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerReport {
    /// Of this start of it.
    pub id: Uuid,
    /// As its jobs have it.
    pub name: String,
    /// Runs that it executes at once, at most.
    pub slots: u32,
    /// Runs that it executes.
    pub busy: u32,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it last claimed a run.
    pub claimed_at: Option<DateTime<Utc>>,
}

/// What is due, and who is there to take it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DispatchState {
    /// Since when the oldest of each tenant's next jobs waits for a worker that may go: not held, not behind another run of its integration, not
    /// stopped by a kill switch or an open circuit, its tenant below its cap. A run whose lease ended waits too.
    pub oldest_due_at: Option<DateTime<Utc>>,
    /// When any worker last claimed a run; `None` when none has, as far as is remembered.
    pub last_claim_at: Option<DateTime<Utc>>,
    /// Jobs that are queued and due, whatever may keep them, up to 10,000.
    pub due_jobs: u32,
    /// Workers that are there.
    pub workers: u32,
    /// Runs that they execute.
    pub busy_slots: u32,
    /// Runs that they could execute besides.
    pub free_slots: u32,
}

impl Background {
    /// Stores what a worker says of itself, every [`WORKER_REPORT_SECONDS`].
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function; a worker is no tenant's")]
    pub async fn report_worker(&self, report: &WorkerReport) -> Result<()> {
        let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let row = worker::Model {
            id: report.id,
            name: report.name.clone(),
            slots: count(report.slots),
            busy: count(report.busy),
            started_at: report.started_at,
            seen_at: self.app().clock().now(),
            claimed_at: report.claimed_at,
        };
        use worker::Column;
        worker::Entity::insert(all_set::<worker::Entity>(row))
            .on_conflict(
                OnConflict::column(Column::Id)
                    .update_columns([Column::Slots, Column::Busy, Column::SeenAt, Column::ClaimedAt])
                    .to_owned(),
            )
            .exec_without_returning(self.app().across_tenants().writer())
            .await
            .doing("storing that a worker is there")?;
        Ok(())
    }

    /// Forgets workers that are long gone, but for the one that claimed last. Answers with how many.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function; a worker is no tenant's")]
    pub(super) async fn forget_workers(&self) -> Result<u64> {
        let long_ago = self.app().clock().now() - Duration::seconds(REMEMBERED_SECONDS);
        let last = Query::select()
            .expr(ExprTrait::max(Expr::col(worker::Column::ClaimedAt)))
            .from(worker::Entity)
            .to_owned();
        let forgotten = worker::Entity::delete_many()
            .filter(worker::Column::SeenAt.lt(long_ago))
            .filter(worker::Column::ClaimedAt.is_null().or(worker::Column::ClaimedAt.not_in_subquery(last)))
            .exec(self.app().across_tenants().writer())
            .await
            .doing("forgetting workers")?;
        Ok(forgotten.rows_affected)
    }

    /// What is due and who is there, now. Bounded, however much is queued.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be read.
    pub async fn dispatch_state(&self) -> Result<DispatchState> {
        let now = self.app().clock().now();
        let workers = self.workers_there(now).await?;
        let sum = |of: fn(&worker::Model) -> i32| {
            workers.iter().map(|worker| u32::try_from(of(worker)).unwrap_or(0)).sum()
        };
        Ok(DispatchState {
            oldest_due_at: self.oldest_due(now).await?,
            last_claim_at: self.last_claim().await?,
            due_jobs: self.count_due(now).await?,
            workers: u32::try_from(workers.len()).unwrap_or(u32::MAX),
            busy_slots: sum(|worker| std::cmp::min(worker.busy, worker.slots)),
            free_slots: sum(|worker| worker.slots - worker.busy),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function; a worker is no tenant's")]
    async fn workers_there(&self, now: DateTime<Utc>) -> Result<Vec<worker::Model>> {
        worker::Entity::find()
            .filter(worker::Column::SeenAt.gt(now - Duration::seconds(SILENT_AFTER_SECONDS)))
            .all(self.app().across_tenants().reader())
            .await
            .doing("reading which workers are there")
    }

    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function; a worker is no tenant's")]
    async fn last_claim(&self) -> Result<Option<DateTime<Utc>>> {
        let last = worker::Entity::find()
            .filter(worker::Column::ClaimedAt.is_not_null())
            .order_by_desc(worker::Column::ClaimedAt)
            .limit(1)
            .one(self.app().across_tenants().reader())
            .await
            .doing("reading when a run was last claimed")?;
        Ok(last.and_then(|worker| worker.claimed_at))
    }

    async fn count_due(&self, now: DateTime<Utc>) -> Result<u32> {
        let doing = "counting due jobs";
        let connection = self.app().across_tenants().reader();
        let sql = "SELECT count(*) FROM (SELECT 1 AS due FROM job WHERE status = 'QUEUED' AND available_at <= $1 \
                   LIMIT $2) counted";
        let values: [Value; 2] = [now.into(), i64::from(DUE_JOBS_MAX).into()];
        let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
        let row = connection.query_one_raw(statement).await.doing(doing)?;
        let row = row.ok_or_else(|| Error::internal(doing, "no answer"))?;
        let count: i64 = row.try_get_by_index(0).doing(doing)?;
        u32::try_from(count).doing(doing)
    }

    /// How many integrations there are of each health, archived ones included.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be read.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function, which only counts")]
    pub async fn health_counts(&self) -> Result<Vec<(HealthStatus, u64)>> {
        let counts: Vec<(HealthStatus, i64)> = integration_health::Entity::find()
            .select_only()
            .column(integration_health::Column::Status)
            .column_as(integration_health::Column::IntegrationId.count(), "count")
            .group_by(integration_health::Column::Status)
            .into_tuple()
            .all(self.app().across_tenants().reader())
            .await
            .doing("counting integrations by health")?;
        Ok(counts.into_iter().map(|(status, count)| (status, u64::try_from(count).unwrap_or(0))).collect())
    }

    async fn oldest_due(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        let connection = self.app().across_tenants().reader();
        let values: [Value; 4] = [
            now.into(),
            i64::from(self.app().tenant_concurrency()).into(),
            TENANTS_MAX.into(),
            JOBS_MAX.into(),
        ];
        let backend = connection.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, oldest_due(backend), values);
        let row = connection.query_one_raw(statement).await.doing("looking for a job that waits")?;
        let Some(row) = row else { return Ok(None) };
        let read = |index| {
            row.try_get_by_index::<Option<DateTime<Utc>>>(index)
                .map_err(|source| Error::internal("looking for a job that waits", source))
        };
        Ok([read(0)?, read(1)?].into_iter().flatten().min())
    }
}

/// Of each tenant's next queued jobs that may go the oldest, and the oldest lease that ended: $1 is now, $2 runs at once of a
/// tenant that does not say, $3 tenants and $4 jobs of each to look at.
fn oldest_due(backend: DatabaseBackend) -> String {
    // PostgreSQL is led to the index of turns, which begins with the tenant; by the other one it would read all that is
    // queued for each step. SQLite takes the other one, and rightly.
    let tenants = match backend {
        DatabaseBackend::Postgres => "tenant_id, begun DESC, priority DESC, available_at",
        _ => "tenant_id",
    };
    format!(
        "\
WITH RECURSIVE t (tenant_id) AS ( \
  SELECT (SELECT tenant_id FROM job WHERE status = 'QUEUED' ORDER BY {tenants} LIMIT 1) \
  UNION ALL \
  SELECT (SELECT n.tenant_id FROM job n WHERE n.status = 'QUEUED' AND n.tenant_id > t.tenant_id \
          ORDER BY {tenants} LIMIT 1) \
  FROM t WHERE t.tenant_id IS NOT NULL), \
running (tenant_id, runs) AS ( \
  SELECT held.tenant_id, count(*) FROM ( \
    SELECT coalesce(tenant_id, tenant_id) AS tenant_id FROM job WHERE status = 'RUNNING' AND lease_until >= $1) held \
  GROUP BY held.tenant_id), \
first (due_at) AS ( \
  SELECT (SELECT q.available_at FROM ( \
      SELECT j.id, j.tenant_id, j.integration_id, j.available_at FROM job j \
      WHERE j.status = 'QUEUED' AND j.tenant_id = visited.tenant_id AND j.available_at <= $1 \
      ORDER BY j.begun DESC, j.priority DESC, j.available_at LIMIT $4) q \
    JOIN integration i ON i.id = q.integration_id \
    JOIN system s ON s.id = i.source_id \
    JOIN system d ON d.id = i.destination_id \
    WHERE NOT (s.circuit_state = 'OPEN' AND s.circuit_until > $1) \
      AND NOT (d.circuit_state = 'OPEN' AND d.circuit_until > $1) \
      AND NOT EXISTS (SELECT 1 FROM job o WHERE o.integration_id = q.integration_id AND o.id <> q.id \
        AND o.begun AND o.status <> 'DONE') \
      AND NOT EXISTS (SELECT 1 FROM kill_switch k WHERE k.drained_at IS NULL AND k.released_at IS NULL \
        AND (k.expires_at IS NULL OR k.expires_at > $1) AND (k.scope = 'PLATFORM' \
          OR (k.scope = 'TENANT' AND k.tenant_id = q.tenant_id) \
          OR (k.scope = 'INTEGRATION' AND k.integration_id = q.integration_id) \
          OR (k.scope = 'CONNECTOR' AND k.connector IN (s.connector, d.connector)))) LIMIT 1) \
  FROM (SELECT tenant_id FROM t WHERE tenant_id IS NOT NULL LIMIT $3) visited \
  LEFT JOIN running r ON r.tenant_id = visited.tenant_id \
  JOIN tenant n ON n.id = visited.tenant_id \
  WHERE coalesce(r.runs, 0) < coalesce(n.run_concurrency, $2)) \
SELECT (SELECT min(due_at) FROM first), \
  (SELECT min(lease_until) FROM job WHERE status = 'RUNNING' AND lease_until < $1)"
    )
}

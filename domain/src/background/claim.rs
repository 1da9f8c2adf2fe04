//! Claiming jobs: one worker gets them, with a new fencing token, and everything that their runs need. A batch takes as
//! many statements as one job does.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use connector::{Connector, CredentialStore, SystemAccess, SystemError};
use entity::failure::{self, FailureStatus};
use entity::job::{self, JobStatus};
use entity::retry::{self, RetryStatus};
use entity::run::{self, RunScope, RunStatus};
use entity::{integration, run_event, run_slice, system};
use futures::future::join_all;
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, SqlErr};
use serde_json::json;
use uuid::Uuid;

use super::batch::ALONE;
use super::candidate::{Admission, Candidate, Gates, candidates};
use super::circuit::{Circuits, WAIT_CODE, waits};
use super::claimed_stream::{ClaimedStream, claimed_streams};
use super::kill_switch::put_aside;
use super::lease::RunLease;
use super::slice::event as slice_event;
use super::transaction::BatchTx;
use super::{Background, metric};
use crate::app::App;
use crate::dispatch::JobHint;
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::run_event::NewEvent;

/// What came of a hint.
pub enum Claim {
    /// The caller has the job until its lease ends.
    Claimed(Box<ClaimedRun>),
    /// Nothing to do: another worker has it, it is done, held, or not due yet.
    Stale,
    /// Another run of its integration is under way; it is released when that one ends.
    Waiting,
}

/// A run with everything that executing it takes.
pub struct ClaimedRun {
    /// What every write of the run goes through.
    pub lease: RunLease,
    /// From the source, or the records of failures.
    pub scope: RunScope,
    /// It compares both ends, and moves nothing.
    pub compares: bool,
    /// Claims of its job so far, this one included.
    pub attempt: i32,
    /// Claims after which it fails.
    pub max_attempts: i32,
    /// Where it reads.
    pub source: End,
    /// Where it writes.
    pub destination: End,
    /// What is left to do, in order.
    pub streams: Vec<ClaimedStream>,
}

/// One side of an integration.
#[derive(Clone)]
pub struct End {
    /// Code that talks to it.
    pub connector: Arc<dyn Connector>,
    app: Arc<App>,
    tenant_slug: String,
    system: system::Model,
    /// One for the whole run: a stream begins with what the one before it has renewed.
    credential_store: OnceLock<CredentialStore>,
}

impl End {
    /// Config and credentials, fetched now if they are a reference.
    ///
    /// # Errors
    /// When credentials can't be opened, or fetched, or are not what the connector takes.
    pub async fn access(&self) -> Result<SystemAccess, SystemError> {
        let mut access = crate::system::access(&self.app, &self.tenant_slug, &self.system).await?;
        access.credential_store =
            self.credential_store.get_or_init(|| access.credential_store.clone()).clone();
        Ok(access)
    }
}

impl Background {
    /// Claims the job of a hint for a worker.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used, or the run's rows can't be read; the job stays as
    /// it was.
    pub async fn claim(&self, hint: JobHint, worker: &str) -> Result<Claim> {
        match self.claim_batch(&[hint], worker).await {
            Ok(mut claims) => claims.pop().unwrap_or(Ok(Claim::Stale)),
            Err(NotClaimed::RunsAlready) => self.wait_for_other(hint).await,
            Err(NotClaimed::Broken(error)) => Err(error),
        }
    }

    /// The same for several hints, in one transaction where that is possible, and in their order.
    pub async fn claim_all(&self, hints: &[JobHint], worker: &str) -> Vec<Result<Claim>> {
        match self.claim_batch(hints, worker).await {
            Ok(claims) => claims,
            Err(NotClaimed::RunsAlready) => {
                tracing::debug!(jobs = hints.len(), "another worker was faster at one of them; {ALONE}");
                self.claim_alone(hints, worker).await
            }
            Err(NotClaimed::Broken(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    jobs = hints.len(),
                    "jobs could not be claimed together; {ALONE}"
                );
                self.claim_alone(hints, worker).await
            }
        }
    }

    async fn claim_alone(&self, hints: &[JobHint], worker: &str) -> Vec<Result<Claim>> {
        join_all(hints.iter().map(|hint| self.claim(*hint, worker))).await
    }

    async fn claim_batch(
        &self,
        hints: &[JobHint],
        worker: &str,
    ) -> std::result::Result<Vec<Result<Claim>>, NotClaimed> {
        let mut tx = BatchTx::begin(self.app()).await?;
        let mut claims: HashMap<Uuid, Result<Claim>> = HashMap::with_capacity(hints.len());
        let now = self.app().clock().now();
        let mut candidates = candidates(&tx, hints, now).await?;
        let waiting = one_of_each_integration(&tx, &mut candidates).await?;
        set_status(&tx, &waiting, JobStatus::Waiting).await?;
        claims.extend(waiting.into_iter().map(|id| (id, Ok(Claim::Waiting))));

        let mut gates = Gates::read(&tx, &candidates, now).await?;
        let (mut startable, mut held, mut over) = (Vec::new(), Vec::new(), Vec::new());
        let mut stopped: HashMap<Uuid, Vec<job::Model>> = HashMap::new();
        let mut later = Vec::new();
        for mut candidate in candidates {
            match candidate.admission(&mut gates, now) {
                Admission::Start { is_probe } => {
                    candidate.is_probe = is_probe;
                    startable.push(candidate);
                }
                Admission::Later(at, system_id) => later.push(PutBack { job: candidate.job, at, system_id }),
                Admission::Hold => held.push(candidate.job.id),
                Admission::Stop(switch_id) => stopped.entry(switch_id).or_default().push(candidate.job),
                Admission::Over => over.push(candidate.job.id),
            }
        }
        set_status(&tx, &held, JobStatus::Held).await?;
        for (switch_id, jobs) in &stopped {
            if let Some(switch) = gates.switch(*switch_id) {
                put_aside(&tx, switch, jobs).await?;
            }
        }
        set_status(&tx, &over, JobStatus::Done).await?;
        put_back(&tx, &later, &gates.circuits).await?;
        gates.circuits.store(&tx).await?;
        for run in self.start(&mut tx, startable, worker).await? {
            claims.insert(run.lease.job_id, Ok(Claim::Claimed(Box::new(run))));
        }
        tx.commit().await?;
        Ok(hints.iter().map(|hint| claims.remove(&hint.job_id).unwrap_or(Ok(Claim::Stale))).collect())
    }

    /// Writes that these runs are under way, and gives them with their leases.
    async fn start(
        &self,
        tx: &mut BatchTx,
        candidates: Vec<Candidate>,
        worker: &str,
    ) -> std::result::Result<Vec<ClaimedRun>, NotClaimed> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.app().clock().now();
        // Fences each of these jobs: a token counts for the job that has it.
        let token = new_id();
        lease_jobs(self.app(), tx, &candidates, token, worker, now).await?;
        store_started(tx, &candidates, now).await?;
        let mut streams = claimed_streams(tx, &candidates, now).await?;
        let superseding = superseding(tx, &candidates).await?;
        candidates
            .into_iter()
            .map(|candidate| {
                let Candidate { mut job, run, slice, integration, tenant, source, destination, is_probe } =
                    candidate;
                job.attempt += 1;
                let (source, destination) =
                    (end(self.app(), &tenant.slug, source)?, end(self.app(), &tenant.slug, destination)?);
                let streams = streams.remove(&job.id).unwrap_or_default();
                let supersedes = superseding.contains(&integration.id);
                Ok(ClaimedRun {
                    scope: run.scope,
                    compares: run.reconciliation_id.is_some(),
                    attempt: job.attempt,
                    max_attempts: job.max_attempts,
                    source,
                    destination,
                    streams,
                    lease: RunLease::new(
                        self.app().clone(),
                        &job,
                        run,
                        slice,
                        token,
                        integration,
                        supersedes,
                    )
                    .probing(is_probe),
                })
            })
            .collect()
    }

    async fn wait_for_other(&self, hint: JobHint) -> Result<Claim> {
        let tx = BatchTx::begin(self.app()).await?;
        set_status(&tx, &[hint.job_id], JobStatus::Waiting).await?;
        tx.commit().await?;
        Ok(Claim::Waiting)
    }
}

/// Why a batch was not claimed; nothing of it was.
enum NotClaimed {
    /// Another run of an integration of it is under way.
    RunsAlready,
    Broken(Error),
}

impl From<Error> for NotClaimed {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

pub(super) fn lease_duration(lease: Duration) -> chrono::Duration {
    chrono::Duration::from_std(lease).unwrap_or(chrono::Duration::seconds(30))
}

/// Keeps of each integration the job that goes first, if no other one is under way; gives those that wait.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn one_of_each_integration(tx: &BatchTx, candidates: &mut Vec<Candidate>) -> Result<Vec<Uuid>> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    // Spelt as `uq_job_begun` is: SQLite takes the index for nothing else.
    let column = |column| Expr::col((job::Entity, column));
    let is_under_way = column(job::Column::Begun).and(column(job::Column::Status).ne(Expr::cust("'DONE'")));
    let rows: Vec<(Uuid, Uuid)> = job::Entity::find()
        .select_only()
        .column(job::Column::IntegrationId)
        .column(job::Column::Id)
        .filter(tx.one_of(job::Column::IntegrationId, candidates.iter().map(|row| row.integration.id)))
        .filter(is_under_way)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading what is under way")?;
    // One that was given back goes on before another begins.
    let mut turns: HashMap<Uuid, Uuid> = rows.into_iter().collect();
    candidates.sort_by_key(|candidate| (Reverse(candidate.job.priority), candidate.job.id));
    let mut waiting = Vec::new();
    candidates.retain(|candidate| {
        // Its run has the turn.
        if candidate.slice.is_some() {
            return true;
        }
        let goes = *turns.entry(candidate.integration.id).or_insert(candidate.job.id) == candidate.job.id;
        if !goes {
            waiting.push(candidate.job.id);
        }
        goes
    });
    Ok(waiting)
}

/// Puts queued jobs where they belong.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn set_status(tx: &BatchTx, jobs: &[Uuid], status: JobStatus) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(status))
        .filter(tx.one_of(job::Column::Id, jobs.iter().copied()))
        .filter(job::Column::Status.eq(JobStatus::Queued))
        .exec(tx.connection())
        .await
        .doing("putting jobs aside")?;
    Ok(())
}

/// A job whose system is left alone.
struct PutBack {
    job: job::Model,
    at: DateTime<Utc>,
    system_id: Uuid,
}

/// Queues jobs for later, without spending an attempt, each for a time of its own.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn put_back(tx: &BatchTx, jobs: &[PutBack], circuits: &Circuits) -> Result<()> {
    let Some((first, others)) = jobs.split_first() else { return Ok(()) };
    let is = |back: &PutBack| job::Column::Id.eq(back.job.id);
    let at = others.iter().fold(Expr::case(is(first), Expr::value(first.at)), |times, back| {
        times.case(is(back), Expr::value(back.at))
    });
    job::Entity::update_many()
        .col_expr(job::Column::AvailableAt, at.clone().into())
        .col_expr(job::Column::PushAt, at.into())
        .col_expr(job::Column::WaitCode, Expr::value(Some(WAIT_CODE)))
        .filter(job::Column::Id.is_in(jobs.iter().map(|back| back.job.id)))
        .filter(job::Column::Status.eq(JobStatus::Queued))
        .exec(tx.connection())
        .await
        .doing("putting jobs back")?;
    // Told once, however often it comes back until the system is there.
    let told = jobs.iter().filter(|back| back.job.wait_code.as_deref() != Some(WAIT_CODE)).map(|back| {
        let event = waits(circuits.name(back.system_id), back.system_id, back.at);
        event.row(back.job.tenant_id, back.job.subject_id, tx.now())
    });
    tx.insert_many::<run_event::Entity>(told.collect(), "storing run events").await
}

#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn lease_jobs(
    app: &App,
    tx: &BatchTx,
    candidates: &[Candidate],
    token: Uuid,
    worker: &str,
    now: DateTime<Utc>,
) -> std::result::Result<(), NotClaimed> {
    let leased = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Running))
        .col_expr(job::Column::Attempt, Expr::col(job::Column::Attempt).add(1))
        .col_expr(job::Column::LeaseUntil, Expr::value(Some(now + lease_duration(app.lease()))))
        .col_expr(job::Column::LeaseToken, Expr::value(Some(token)))
        .col_expr(job::Column::Worker, Expr::value(Some(worker.to_owned())))
        .col_expr(job::Column::WaitCode, Expr::value(None::<String>))
        // That of a run says so for its slices.
        .col_expr(job::Column::Begun, Expr::col(job::Column::SliceId).is_null())
        .filter(tx.one_of(job::Column::Id, candidates.iter().map(|candidate| candidate.job.id)))
        .filter(job::Column::Status.eq(JobStatus::Queued))
        .exec(tx.connection())
        .await;
    match leased {
        Ok(leased) if leased.rows_affected == candidates.len() as u64 => Ok(()),
        Ok(_) => {
            Err(NotClaimed::Broken(Error::internal("claiming jobs", "one of them was not there any more")))
        }
        // The indexes that let one run of an integration be under way.
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Err(NotClaimed::RunsAlready)
        }
        Err(error) => Err(NotClaimed::Broken(Error::internal("claiming jobs", error))),
    }
}

/// Writes that runs are under way, with an event for each.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn store_started(tx: &mut BatchTx, candidates: &[Candidate], now: DateTime<Utc>) -> Result<()> {
    let begun = candidates.iter().filter(|row| row.slice.is_none()).map(|candidate| candidate.run.id);
    run::Entity::update_many()
        .col_expr(run::Column::Status, Expr::value(RunStatus::Running))
        .col_expr(
            run::Column::StartedAt,
            Func::coalesce([Expr::col(run::Column::StartedAt), Expr::value(now)]).into(),
        )
        .filter(tx.one_of(run::Column::Id, begun.clone()))
        .exec(tx.connection())
        .await
        .doing("storing that runs started")?;
    store_started_slices(tx, candidates, now).await?;
    let events = candidates.iter().map(|candidate| {
        let event = match (&candidate.slice, candidate.run.status) {
            (Some(slice), _) => {
                let message = format!("A worker has slice {} of {}.", slice.ordinal, slice.stream);
                slice_event("slice.started", message, slice)
            }
            (None, RunStatus::Running) => {
                NewEvent::new("run.resumed", "worker", "The run goes on from its last checkpoint.")
            }
            _ => NewEvent::new("run.started", "worker", "The run started."),
        };
        let run = &candidate.run;
        event.attribute("attempt", json!(candidate.job.attempt + 1)).row(run.tenant_id, run.id, now)
    });
    tx.insert_many::<run_event::Entity>(events.collect(), "storing run events").await?;
    let retries: HashMap<Uuid, Uuid> = candidates
        .iter()
        .filter_map(|candidate| Some((candidate.run.retry_id?, candidate.run.tenant_id)))
        .collect();
    if !retries.is_empty() {
        retry::Entity::update_many()
            .col_expr(retry::Column::Status, Expr::value(RetryStatus::Running))
            .filter(tx.one_of(retry::Column::Id, retries.keys().copied()))
            .filter(retry::Column::Status.eq(RetryStatus::Queued))
            .exec(tx.connection())
            .await
            .doing("storing that retries began")?;
    }
    let again = candidates.iter().filter(|row| row.slice.is_some() || row.run.status == RunStatus::Running);
    let again = again.map(|candidate| metric::resumed(candidate.run.tenant_id, candidate.run.id, now));
    metric::add(tx.connection(), again.collect()).await?;
    for (retry_id, tenant_id) in retries {
        tx.tell_after_commit(crate::retry::change(tenant_id, retry_id));
    }
    for candidate in candidates {
        tx.tell_under_way(crate::run::changed(&candidate.run));
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn store_started_slices(tx: &BatchTx, candidates: &[Candidate], now: DateTime<Utc>) -> Result<()> {
    let slices: Vec<Uuid> =
        candidates.iter().filter_map(|row| row.slice.as_ref()).map(|row| row.id).collect();
    if slices.is_empty() {
        return Ok(());
    }
    run_slice::Entity::update_many()
        .col_expr(run_slice::Column::StartedAt, Expr::value(Some(now)))
        .filter(tx.one_of(run_slice::Column::Id, slices))
        .filter(run_slice::Column::StartedAt.is_null())
        .exec(tx.connection())
        .await
        .doing("storing that slices started")?;
    Ok(())
}

/// Those of the integrations that have failures of records, open or about to be retried, which a write may supersede.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn superseding(tx: &BatchTx, candidates: &[Candidate]) -> Result<HashSet<Uuid>> {
    let open = Query::select()
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
        .and_where(failure::Column::RecordKey.is_not_null())
        .to_owned();
    let rows: Vec<Uuid> = integration::Entity::find()
        .select_only()
        .column(integration::Column::Id)
        .filter(tx.one_of(integration::Column::Id, candidates.iter().map(|row| row.integration.id)))
        .filter(Expr::exists(open))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for open failures")?;
    Ok(rows.into_iter().collect())
}

pub(super) fn end(app: &Arc<App>, slug: &str, system: system::Model) -> Result<End> {
    let connector = app.connectors().get(&system.connector).ok_or_else(|| {
        Error::internal("looking up a connector", format!("there is no `{}`", system.connector))
    })?;
    Ok(End {
        connector,
        app: app.clone(),
        tenant_slug: slug.to_owned(),
        system,
        credential_store: OnceLock::new(),
    })
}

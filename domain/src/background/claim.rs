//! Claiming a job: one worker gets it, with a new fencing token, and everything that its run needs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use connector::{Connector, Cursor, SystemAccess, SystemError};
use entity::failure::{self, FailureStatus};
use entity::integration::{IntegrationStatus, Stream};
use entity::job::{self, JobStatus};
use entity::run::{self, RunScope, RunStatus};
use entity::tenant::{self, TenantStatus};
use entity::{integration, run_stream, stream_cursor, system};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect, SqlErr};
use serde_json::json;
use uuid::Uuid;

use super::lease::RunLease;
use super::{Background, receipt};
use crate::app::App;
use crate::dispatch::JobHint;
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;

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
}

impl End {
    /// Config and credentials, fetched now if they are a reference.
    ///
    /// # Errors
    /// When credentials can't be opened, or fetched, or are not what the connector takes.
    pub async fn access(&self) -> Result<SystemAccess, SystemError> {
        crate::system::access(&self.app, &self.tenant_slug, &self.system).await
    }
}

/// A stream of a claimed run.
pub struct ClaimedStream {
    /// What it moves.
    pub stream: Stream,
    /// Watermark of the last run that finished it.
    pub since: Option<Cursor>,
    /// Checkpoint of this run's last page.
    pub resume: Option<Cursor>,
    /// No receipt of it exists.
    pub fresh: bool,
}

impl Background {
    /// Claims the job of a hint for a worker.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used, or the run's rows can't be read; the job stays as
    /// it was.
    pub async fn claim(&self, hint: JobHint, worker: &str) -> Result<Claim> {
        let mut tx = TxScope::begin(self.app(), hint.tenant_id).await?;
        let now = self.app().clock().now();
        let token = new_id();
        let claimed = tx
            .update::<job::Entity>()
            .col_expr(job::Column::Status, Expr::value(JobStatus::Running))
            .col_expr(job::Column::Attempt, Expr::col(job::Column::Attempt).add(1))
            .col_expr(job::Column::LeaseUntil, Expr::value(Some(now + lease_duration(self.app().lease()))))
            .col_expr(job::Column::LeaseToken, Expr::value(Some(token)))
            .col_expr(job::Column::Worker, Expr::value(Some(worker.to_owned())))
            .col_expr(job::Column::Begun, Expr::value(true))
            .filter(job::Column::Id.eq(hint.job_id))
            .filter(job::Column::Status.eq(JobStatus::Queued))
            .filter(job::Column::AvailableAt.lte(now))
            .exec(tx.connection())
            .await;
        match claimed {
            Ok(claimed) if claimed.rows_affected == 0 => return Ok(Claim::Stale),
            Ok(_) => {}
            // The indexes that let one run of an integration be under way.
            Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
                drop(tx);
                return self.wait_for_other(hint).await;
            }
            Err(error) => return Err(Error::internal("claiming a job", error)),
        }
        let job = tx
            .find::<job::Entity>()
            .filter(job::Column::Id.eq(hint.job_id))
            .one(tx.connection())
            .await
            .doing("reading a claimed job")?
            .ok_or_else(|| Error::internal("reading a claimed job", "it is not there"))?;
        let Some(parts) = Parts::read(&tx, &job).await? else {
            // Paused, held or suspended since it was queued, or canceled.
            release_unstarted(&tx, &job).await?;
            tx.commit().await?;
            return Ok(Claim::Stale);
        };
        let claimed = parts.start(&mut tx, &job, token).await?;
        tx.commit().await?;
        Ok(Claim::Claimed(Box::new(claimed)))
    }

    async fn wait_for_other(&self, hint: JobHint) -> Result<Claim> {
        let tx = TxScope::begin(self.app(), hint.tenant_id).await?;
        tx.update::<job::Entity>()
            .col_expr(job::Column::Status, Expr::value(JobStatus::Waiting))
            .filter(job::Column::Id.eq(hint.job_id))
            .filter(job::Column::Status.eq(JobStatus::Queued))
            .exec(tx.connection())
            .await
            .doing("letting a job wait")?;
        tx.commit().await?;
        Ok(Claim::Waiting)
    }
}

pub(super) fn lease_duration(lease: Duration) -> chrono::Duration {
    chrono::Duration::from_std(lease).unwrap_or(chrono::Duration::seconds(30))
}

/// Puts a claimed job that may not start where it belongs.
async fn release_unstarted(tx: &TxScope, job: &job::Model) -> Result<()> {
    let run = tx
        .find::<run::Entity>()
        .filter(run::Column::Id.eq(job.subject_id))
        .one(tx.connection())
        .await
        .doing("reading the run of a job")?;
    let begun = run.as_ref().is_some_and(|run| run.status == RunStatus::Running);
    let ended = run.is_none_or(|run| !matches!(run.status, RunStatus::Queued | RunStatus::Running));
    let status = if ended { JobStatus::Done } else { JobStatus::Held };
    tx.update::<job::Entity>()
        .col_expr(job::Column::Status, Expr::value(status))
        .col_expr(job::Column::Attempt, Expr::col(job::Column::Attempt).sub(1))
        .col_expr(job::Column::Begun, Expr::value(begun))
        .col_expr(job::Column::LeaseToken, Expr::value(None::<Uuid>))
        .col_expr(job::Column::LeaseUntil, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
        .filter(job::Column::Id.eq(job.id))
        .exec(tx.connection())
        .await
        .doing("giving a job back")?;
    Ok(())
}

/// Rows that a run needs.
struct Parts {
    run: run::Model,
    integration: integration::Model,
    tenant: tenant::Model,
    source: system::Model,
    destination: system::Model,
}

impl Parts {
    /// `None` when the run may not start now.
    async fn read(tx: &TxScope, job: &job::Model) -> Result<Option<Self>> {
        let doing = "reading what a run needs";
        let run = tx
            .find::<run::Entity>()
            .filter(run::Column::Id.eq(job.subject_id))
            .one(tx.connection())
            .await
            .doing(doing)?;
        let tenant = tx.find::<tenant::Entity>().one(tx.connection()).await.doing(doing)?;
        let integration = tx
            .find::<integration::Entity>()
            .filter(integration::Column::Id.eq(job.integration_id))
            .one(tx.connection())
            .await
            .doing(doing)?;
        let (Some(run), Some(tenant), Some(integration)) = (run, tenant, integration) else {
            return Err(Error::internal(doing, "a row is not there"));
        };
        if tenant.status != TenantStatus::Active
            || integration.status != IntegrationStatus::Active
            || !matches!(run.status, RunStatus::Queued | RunStatus::Running)
        {
            return Ok(None);
        }
        let mut systems: HashMap<Uuid, system::Model> = tx
            .find::<system::Entity>()
            .filter(system::Column::Id.is_in([integration.source_id, integration.destination_id]))
            .all(tx.connection())
            .await
            .doing(doing)?
            .into_iter()
            .map(|system| (system.id, system))
            .collect();
        let destination = systems.get(&integration.destination_id).cloned();
        let source = systems.remove(&integration.source_id);
        let (Some(source), Some(destination)) = (source, destination) else {
            return Err(Error::internal(doing, "a system is not there"));
        };
        Ok(Some(Self { run, integration, tenant, source, destination }))
    }

    async fn start(self, tx: &mut TxScope, job: &job::Model, token: Uuid) -> Result<ClaimedRun> {
        let now = tx.app().clock().now();
        let resumed = self.run.status == RunStatus::Running;
        tx.update::<run::Entity>()
            .col_expr(run::Column::Status, Expr::value(RunStatus::Running))
            .col_expr(run::Column::StartedAt, Expr::value(Some(self.run.started_at.unwrap_or(now))))
            .filter(run::Column::Id.eq(self.run.id))
            .exec(tx.connection())
            .await
            .doing("storing that a run started")?;
        let event = if resumed {
            NewEvent::new("run.resumed", "worker", "The run goes on from its last checkpoint.")
        } else {
            NewEvent::new("run.started", "worker", "The run started.")
        };
        let event = event.attributes(json!({ "attempt": job.attempt }));
        run_event::record(tx, self.run.id, vec![event]).await?;
        if let Some(retry_id) = self.run.retry_id {
            crate::retry::begun(tx, retry_id).await?;
        }
        let streams = self.streams(tx).await?;
        let supersedes = tx
            .find::<failure::Entity>()
            .filter(failure::Column::IntegrationId.eq(self.integration.id))
            .filter(failure::Column::Status.eq(FailureStatus::Open))
            .filter(failure::Column::RecordKey.is_not_null())
            .limit(1)
            .one(tx.connection())
            .await
            .doing("looking for open failures")?
            .is_some();
        tx.tell_after_commit(crate::run::changed(&self.run));
        let app = tx.app().clone();
        let end = |system: &system::Model| end(&app, &self.tenant.slug, system);
        let (source, destination) = (end(&self.source)?, end(&self.destination)?);
        let new_streams = streams.iter().filter(|claimed| claimed.fresh);
        let new_streams = new_streams.map(|claimed| claimed.stream.name.clone()).collect();
        Ok(ClaimedRun {
            scope: self.run.scope,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            source,
            destination,
            streams,
            lease: RunLease::new(app, job, self.run, token, self.integration, supersedes, new_streams),
        })
    }

    /// The streams that are not finished, each with where it goes on.
    async fn streams(&self, tx: &TxScope) -> Result<Vec<ClaimedStream>> {
        let doing = "reading the checkpoints of a run";
        let begun: HashMap<String, run_stream::Model> = tx
            .find::<run_stream::Entity>()
            .filter(run_stream::Column::RunId.eq(self.run.id))
            .all(tx.connection())
            .await
            .doing(doing)?
            .into_iter()
            .map(|row| (row.stream.clone(), row))
            .collect();
        let watermarks: HashMap<String, Cursor> = tx
            .find::<stream_cursor::Entity>()
            .filter(stream_cursor::Column::IntegrationId.eq(self.integration.id))
            .all(tx.connection())
            .await
            .doing(doing)?
            .into_iter()
            .map(|row| (row.stream, row.watermark))
            .collect();
        // A retry of everything begins where the original began.
        let original: HashMap<String, Option<Cursor>> = match self.run.retry_of_id {
            Some(original) => tx
                .find::<run_stream::Entity>()
                .filter(run_stream::Column::RunId.eq(original))
                .all(tx.connection())
                .await
                .doing(doing)?
                .into_iter()
                .map(|row| (row.stream, row.since))
                .collect(),
            None => HashMap::new(),
        };
        let now = tx.app().clock().now();
        let mut streams = Vec::new();
        let mut rows = Vec::new();
        for stream in &self.integration.streams.0 {
            let (since, resume) = match begun.get(&stream.name) {
                Some(row) if row.finished_at.is_some() => continue,
                Some(row) => (row.since.clone(), row.checkpoint.clone()),
                None => {
                    let since = match original.get(&stream.name) {
                        Some(since) => since.clone(),
                        None => watermarks.get(&stream.name).cloned(),
                    };
                    rows.push(run_stream::Model {
                        tenant_id: tx.tenant_id(),
                        run_id: self.run.id,
                        stream: stream.name.clone(),
                        since: since.clone(),
                        checkpoint: None,
                        page_count: 0,
                        finished_at: None,
                        updated_at: now,
                    });
                    (since, None)
                }
            };
            let fresh = {
                let ledger = receipt::Stream {
                    tenant_id: tx.tenant_id(),
                    integration_id: self.integration.id,
                    name: &stream.name,
                };
                !receipt::any(tx.connection(), ledger).await?
            };
            streams.push(ClaimedStream { stream: stream.clone(), since, resume, fresh });
        }
        tx.insert_many::<run_stream::Entity>(rows, "storing the streams of a run").await?;
        Ok(streams)
    }
}

fn end(app: &Arc<App>, slug: &str, system: &system::Model) -> Result<End> {
    let connector = app.connectors().get(&system.connector).ok_or_else(|| {
        Error::internal("looking up a connector", format!("there is no `{}`", system.connector))
    })?;
    Ok(End { connector, app: app.clone(), tenant_slug: slug.to_owned(), system: system.clone() })
}

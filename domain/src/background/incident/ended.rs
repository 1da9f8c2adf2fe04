//! What an outage did to the integrations of one system: which runs it ended, which integrations are held for it, and which
//! jobs wait.

use chrono::Duration;
use entity::integration::{self, IntegrationStatus};
use entity::job::{self, JobStatus};
use entity::{failure, incident, incident_system, run};
use sea_orm::sea_query::{Condition, Query, SelectStatement};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::super::circuit::WAIT_CODE;
use super::super::ending::of_the_whole;
use crate::app::App;
use crate::error::{Doing, Result};
use crate::incident::fault::codes;
use crate::scope::{TxScope, made_within};

/// Runs of one system that get a time; what waits besides comes by the times that it has.
const JOBS_MAX: u64 = 10_000;
/// Integrations of one system that were held for it and are let go at once; a person resumes the rest.
const HELD_MAX: u64 = 500;
/// What ended a run is written in one transaction before what is wrong with its system, which may wait for that one's row.
const WRITTEN_BEFORE: Duration = Duration::minutes(1);
/// The ends of an integration, as codes name them.
const ENDS: [(&str, integration::Column); 2] =
    [("source", integration::Column::SourceId), ("destination", integration::Column::DestinationId)];

/// What one system ended or holds up.
pub(super) struct Ended<'a> {
    pub(super) incident: &'a incident::Model,
    /// The system.
    pub(super) row: &'a incident_system::Model,
}

impl Ended<'_> {
    /// Its integrations that go on some day.
    fn integrations(&self, side: integration::Column) -> SelectStatement {
        let go_on = [IntegrationStatus::Active, IntegrationStatus::Held];
        Query::select()
            .column(integration::Column::Id)
            .from(integration::Entity)
            .and_where(integration::Column::TenantId.eq(self.row.tenant_id))
            .and_where(side.eq(self.row.system_id))
            .and_where(integration::Column::Status.is_in(go_on))
            .to_owned()
    }

    /// Those that run.
    pub(super) fn active(&self) -> SelectStatement {
        Query::select()
            .column(integration::Column::Id)
            .from(integration::Entity)
            .and_where(integration::Column::TenantId.eq(self.row.tenant_id))
            .and_where(integration::Column::Status.eq(IntegrationStatus::Active))
            .to_owned()
    }

    /// The failures of whole runs that the outage ended, whatever became of them.
    pub(super) fn failures(&self, app: &App) -> Condition {
        let from = self.row.first_seen_at - WRITTEN_BEFORE;
        let mut of_it = Condition::any();
        for (end, side) in ENDS {
            let of_end = Condition::all()
                .add(failure::Column::Code.is_in(codes(self.incident.fault, end)))
                .add(failure::Column::IntegrationId.in_subquery(self.integrations(side)));
            of_it = of_it.add(of_end);
        }
        Condition::all()
            .add(failure::Column::TenantId.eq(self.row.tenant_id))
            .add(made_within(app, (failure::Column::FailedAt, failure::Column::Id), Some(from), None))
            .add(of_the_whole())
            .add(of_it)
    }

    /// Integrations that are held because such runs failed too often in a row.
    pub(super) async fn held(&self, tx: &TxScope) -> Result<Vec<Uuid>> {
        let failures = Query::select()
            .column(failure::Column::Id)
            .from(failure::Entity)
            .cond_where(self.failures(tx.app()))
            .to_owned();
        tx.find::<integration::Entity>()
            .select_only()
            .column(integration::Column::Id)
            .filter(integration::Column::Status.eq(IntegrationStatus::Held))
            .filter(integration::Column::HoldFailureId.in_subquery(failures))
            .order_by_asc(integration::Column::Id)
            .limit(HELD_MAX)
            .into_tuple()
            .all(tx.connection())
            .await
            .doing("reading integrations that are held for an outage")
    }

    /// Its jobs that wait because of it, and those of integrations that were let go just now. What waits for something else,
    /// or for a worker, keeps its time.
    pub(super) async fn waiting(&self, tx: &TxScope, let_go: Vec<Uuid>) -> Result<Vec<job::Model>> {
        let mut for_it = Condition::any();
        for (end, side) in ENDS {
            let codes = codes(self.incident.fault, end).into_iter().chain([WAIT_CODE.to_owned()]);
            let of_end = Condition::all()
                .add(job::Column::WaitCode.is_in(codes))
                .add(job::Column::IntegrationId.in_subquery(self.integrations(side)));
            for_it = for_it.add(of_end);
        }
        if !let_go.is_empty() {
            for_it = for_it.add(job::Column::IntegrationId.is_in(let_go));
        }
        jobs(tx, for_it).await
    }

    /// The jobs of a retry.
    pub(super) async fn retried(&self, tx: &TxScope, retry_id: Uuid) -> Result<Vec<job::Model>> {
        let runs = Query::select()
            .column(run::Column::Id)
            .from(run::Entity)
            .and_where(run::Column::TenantId.eq(self.row.tenant_id))
            .and_where(run::Column::RetryId.eq(retry_id))
            .to_owned();
        jobs(tx, Condition::all().add(job::Column::SubjectId.in_subquery(runs))).await
    }
}

/// Queued jobs, locked in the order in which claims lock them; those that are due first come first.
async fn jobs(tx: &TxScope, which: Condition) -> Result<Vec<job::Model>> {
    let mut jobs = tx
        .find::<job::Entity>()
        .filter(job::Column::Status.eq(JobStatus::Queued))
        .filter(which)
        .order_by_asc(job::Column::Id)
        .limit(JOBS_MAX)
        .lock_exclusive()
        .all(tx.connection())
        .await
        .doing("reading runs that wait for a system")?;
    jobs.sort_by_key(|job| (job.available_at, job.id));
    Ok(jobs)
}

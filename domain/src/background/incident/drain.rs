//! What goes on when the other system is back: runs that wait for it get times that become denser and denser, over all tenants
//! together, and runs that it ended are retried among them. While it is away, and no run waits that would try it, one that
//! it ended is retried now and then, so that its return is seen.
//!
//! Nothing is moved but times: what a crash leaves behind comes by the times that it had.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use entity::failure::{self, FailureStatus};
use entity::incident::{self, IncidentFault, IncidentStatus};
use entity::incident_entry::IncidentEntryKind;
use entity::incident_system;
use entity::integration::{self, IntegrationStatus};
use entity::job::{self, JobStatus};
use entity::system::{self, CircuitState};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::super::Background;
use super::super::circuit::WAIT_CODE;
use super::super::ending::of_the_whole;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::incident::fault::codes;
use crate::incident::timeline::{NewEntry, enter};
use crate::incident::{find, update_rows};
use crate::scope::TxScope;

/// Systems whose runs are let go after one look.
const SYSTEMS_MAX: u64 = 50;
/// Runs of one system that get a time; what waits besides comes by the times that it has.
const JOBS_MAX: u64 = 10_000;
/// Integrations of one system that were held for it and are let go at once; a person resumes the rest.
const HELD_MAX: u64 = 500;
/// Time between two steps of what goes on.
const STEP: Duration = Duration::seconds(2);
/// Steps that double: 1, 2, 4, … 64 runs.
const DOUBLINGS: u32 = 6;
/// The longest time between two runs that try a system which is away.
const PROBE_WAIT_MAX: Duration = Duration::minutes(15);

impl Background {
    /// What an incident needs besides being looked at: letting go what waited, or a run that tries the system.
    pub(super) async fn look_after(&self, id: Uuid) -> Result<()> {
        let row = find()
            .filter(incident::Column::Id.eq(id))
            .one(self.app().across_tenants().writer())
            .await
            .doing("reading an incident")?;
        let Some(incident) = row else { return Ok(()) };
        match incident.status {
            IncidentStatus::Investigating | IncidentStatus::Identified => self.probe(&incident).await,
            IncidentStatus::Monitoring | IncidentStatus::Resolved => self.let_go_of(&incident).await,
        }
    }

    /// Lets go what waited for some of its systems.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn let_go_of(&self, incident: &incident::Model) -> Result<()> {
        let waiting = incident_system::Entity::find()
            .filter(incident_system::Column::IncidentId.eq(incident.id))
            .filter(incident_system::Column::TakenUpAt.is_null())
            .filter(incident_system::Column::LastFailedAt.is_not_null())
            .order_by_asc(incident_system::Column::Id)
            .limit(SYSTEMS_MAX)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading systems that runs wait for")?;
        for row in &waiting {
            self.take_up(incident, row).await?;
        }
        if waiting.is_empty() && incident.resolved_at.is_some() {
            update_rows()
                .col_expr(incident::Column::OverAt, Expr::value(Some(self.app().clock().now())))
                .filter(incident::Column::Id.eq(incident.id))
                .exec(self.app().across_tenants().writer())
                .await
                .doing("storing that nothing waits for an incident")?;
        }
        Ok(())
    }

    /// Gives the runs that wait for one system their times, and retries those that it ended.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn take_up(&self, incident: &incident::Model, row: &incident_system::Model) -> Result<()> {
        let mut tx = TxScope::begin(self.app(), row.tenant_id).await?;
        let now = tx.app().clock().now();
        // First, as everybody who changes it: who comes second finds that it was done.
        let locked = find()
            .filter(incident::Column::Id.eq(incident.id))
            .lock_exclusive()
            .one(tx.connection())
            .await
            .doing("reading an incident")?;
        let Some(incident) = locked else { return Ok(()) };
        let Some(from) = incident.drained_from else { return Ok(()) };
        let taken = tx
            .update::<incident_system::Entity>()
            .col_expr(incident_system::Column::TakenUpAt, Expr::value(Some(now)))
            .filter(incident_system::Column::Id.eq(row.id))
            .filter(incident_system::Column::TakenUpAt.is_null())
            .exec(tx.connection())
            .await
            .doing("storing that runs of a system go on")?;
        if taken.rows_affected == 0 {
            return Ok(());
        }
        let ended = Ended { incident: &incident, tenant_id: row.tenant_id, system_id: row.system_id };
        for id in ended.held(&tx).await? {
            crate::integration::let_go_held(&mut tx, id).await?;
        }
        let waiting = ended.jobs(&tx, None).await?;
        let before = new_id();
        let failures = ended.failures(&tx).add(failure::Column::Status.eq(FailureStatus::Open));
        let retried = crate::retry::take_some(&mut tx, BY, failures).await?;
        let fresh = match retried {
            Some(_) => ended.jobs(&tx, Some(before)).await?,
            None => Vec::new(),
        };
        let jobs = waiting.iter().filter(|job| job.wait_code.is_some() || job.available_at <= now);
        let mut place = u32::try_from(incident.drained_count).unwrap_or(0);
        let mut times: BTreeMap<DateTime<Utc>, Vec<Uuid>> = BTreeMap::new();
        for job in jobs.chain(&fresh) {
            let at = Ord::max(from + after(place), now);
            // What a system that is asked too often has asked for is honoured.
            let at = match incident.fault {
                IncidentFault::RateLimited => Ord::max(at, job.available_at),
                IncidentFault::Unavailable => at,
            };
            times.entry(at).or_default().push(job.id);
            place = place.saturating_add(1);
        }
        for (at, jobs) in times {
            give_time(&tx, jobs, at, now).await?;
        }
        update_rows()
            .col_expr(incident::Column::DrainedCount, Expr::value(i32::try_from(place).unwrap_or(i32::MAX)))
            .filter(incident::Column::Id.eq(incident.id))
            .exec(tx.connection())
            .await
            .doing("counting runs that go on")?;
        tx.commit().await?;
        // By itself, and after the jobs: the next of them tries the system, and need not wait until that was to be tried.
        system::Entity::update_many()
            .col_expr(system::Column::CircuitUntil, Expr::value(Some(now)))
            .col_expr(system::Column::CircuitSlotAt, Expr::value(None::<DateTime<Utc>>))
            .filter(system::Column::Id.eq(row.system_id))
            .filter(system::Column::CircuitState.eq(CircuitState::Open))
            .exec(self.app().across_tenants().writer())
            .await
            .doing("letting a run try a system")?;
        Ok(())
    }

    /// Retries one run that the outage ended, where none waits that would try the system.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn probe(&self, incident: &incident::Model) -> Result<()> {
        use incident::Column;
        let now = self.app().clock().now();
        if incident.probe_at.is_some_and(|at| at > now) {
            return Ok(());
        }
        let writer = self.app().across_tenants().writer();
        let failing = incident_system::Entity::find()
            .filter(incident_system::Column::IncidentId.eq(incident.id))
            .filter(incident_system::Column::LastFailedAt.is_not_null())
            .limit(1)
            .one(writer)
            .await
            .doing("looking for systems that failed")?;
        if failing.is_none() {
            return Ok(());
        }
        let next = now + self.probe_wait(incident.probe_count);
        let turn = update_rows()
            .col_expr(Column::ProbeAt, Expr::value(Some(next)))
            .filter(Column::Id.eq(incident.id));
        let turn = match incident.probe_at {
            Some(at) => turn
                .col_expr(Column::ProbeCount, Expr::value(incident.probe_count.saturating_add(1)))
                .filter(Column::ProbeAt.eq(at)),
            None => turn.filter(Column::ProbeAt.is_null()),
        };
        let taken = turn.exec(writer).await.doing("taking the turn to try a system")?;
        // The first time only says when.
        if taken.rows_affected == 0 || incident.probe_at.is_none() {
            return Ok(());
        }
        let systems = || {
            Query::select()
                .column(incident_system::Column::SystemId)
                .from(incident_system::Entity)
                .and_where(incident_system::Column::IncidentId.eq(incident.id))
                .and_where(incident_system::Column::LastFailedAt.is_not_null())
                .to_owned()
        };
        let of = |side: integration::Column| {
            Query::select()
                .column(integration::Column::Id)
                .from(integration::Entity)
                .and_where(side.in_subquery(systems()))
                .and_where(integration::Column::Status.eq(IntegrationStatus::Active))
                .to_owned()
        };
        let (reading, writing) = (of(integration::Column::SourceId), of(integration::Column::DestinationId));
        let under_way = job::Entity::find()
            .filter(job::Column::Status.is_in([JobStatus::Queued, JobStatus::Running]))
            .filter(
                job::Column::IntegrationId
                    .in_subquery(reading.clone())
                    .or(job::Column::IntegrationId.in_subquery(writing.clone())),
            )
            .limit(1)
            .one(writer)
            .await
            .doing("looking for a run that tries a system")?;
        if under_way.is_some() {
            return Ok(());
        }
        let ended = Condition::any().add(of_end(incident.fault, "source", reading)).add(of_end(
            incident.fault,
            "destination",
            writing,
        ));
        let failure = failure::Entity::find()
            .filter(failure::Column::Status.eq(FailureStatus::Open))
            .filter(failure::Column::FailedAt.gte(incident.started_at))
            .filter(of_the_whole())
            .filter(ended)
            .order_by_desc(failure::Column::Id)
            .limit(1)
            .one(writer)
            .await
            .doing("looking for a run that a system ended")?;
        let Some(failure) = failure else { return Ok(()) };
        let mut tx = TxScope::begin(self.app(), failure.tenant_id).await?;
        let this = Condition::all().add(failure::Column::Id.eq(failure.id));
        if crate::retry::take_some(&mut tx, PROBED_BY, this).await?.is_none() {
            return Ok(());
        }
        tx.commit().await?;
        let text = "No run waited that would try the system: one that it ended does.";
        enter(writer, incident.id, NewEntry::inside(IncidentEntryKind::Probe, text), now).await
    }

    /// Between two runs that try a system which is away: twice as long each time.
    fn probe_wait(&self, probes: i32) -> Duration {
        let first = Duration::from_std(self.app().retry_wait()).unwrap_or(PROBE_WAIT_MAX) * 2;
        let doublings = Ord::min(u32::try_from(probes).unwrap_or(0), 16);
        let wait = first.checked_mul(2_i32.saturating_pow(doublings));
        wait.map_or(PROBE_WAIT_MAX, |wait| Ord::min(wait, PROBE_WAIT_MAX))
    }
}

/// Who retries what an outage ended.
const BY: &str = "Trestle, because the other system answers again";
/// Who retries one of them to see whether it does.
const PROBED_BY: &str = "Trestle, to see whether the other system answers again";

/// What one system ended or holds up.
struct Ended<'a> {
    incident: &'a incident::Model,
    tenant_id: Uuid,
    system_id: Uuid,
}

impl Ended<'_> {
    fn integrations(&self, side: integration::Column) -> SelectStatement {
        Query::select()
            .column(integration::Column::Id)
            .from(integration::Entity)
            .and_where(integration::Column::TenantId.eq(self.tenant_id))
            .and_where(side.eq(self.system_id))
            .to_owned()
    }

    /// The failures of whole runs that the outage ended, whatever became of them.
    fn failures(&self, tx: &TxScope) -> Condition {
        let fault = self.incident.fault;
        let of_it = Condition::any()
            .add(of_end(fault, "source", self.integrations(integration::Column::SourceId)))
            .add(of_end(fault, "destination", self.integrations(integration::Column::DestinationId)));
        Condition::all()
            .add(failure::Column::TenantId.eq(tx.tenant_id()))
            .add(failure::Column::FailedAt.gte(self.incident.started_at))
            .add(of_the_whole())
            .add(of_it)
    }

    /// Integrations that are held because such runs failed too often in a row.
    async fn held(&self, tx: &TxScope) -> Result<Vec<Uuid>> {
        let failures = Query::select()
            .column(failure::Column::Id)
            .from(failure::Entity)
            .cond_where(self.failures(tx))
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

    /// Its jobs that wait, locked in the order in which claims lock them, those that are due first; made after one of this
    /// id, if one is given.
    async fn jobs(&self, tx: &TxScope, after: Option<Uuid>) -> Result<Vec<job::Model>> {
        let mut select = tx
            .find::<job::Entity>()
            .filter(job::Column::Status.eq(JobStatus::Queued))
            .filter(
                job::Column::IntegrationId
                    .in_subquery(self.integrations(integration::Column::SourceId))
                    .or(job::Column::IntegrationId
                        .in_subquery(self.integrations(integration::Column::DestinationId))),
            )
            .order_by_asc(job::Column::Id)
            .limit(JOBS_MAX)
            .lock_exclusive();
        if let Some(after) = after {
            select = select.filter(job::Column::Id.gt(after));
        }
        let mut jobs = select.all(tx.connection()).await.doing("reading runs that wait for a system")?;
        jobs.sort_by_key(|job| (job.available_at, job.id));
        Ok(jobs)
    }
}

/// Failures of an end, of integrations whose end it is.
fn of_end(fault: IncidentFault, end: &str, integrations: SelectStatement) -> Condition {
    Condition::all()
        .add(failure::Column::Code.is_in(codes(fault, end)))
        .add(failure::Column::IntegrationId.in_subquery(integrations))
}

async fn give_time(tx: &TxScope, jobs: Vec<Uuid>, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
    let mut update = tx
        .update::<job::Entity>()
        .col_expr(job::Column::AvailableAt, Expr::value(at))
        .col_expr(job::Column::PushAt, Expr::value(at))
        .filter(job::Column::Id.is_in(jobs))
        .filter(job::Column::Status.eq(JobStatus::Queued));
    if at > now {
        update = update.col_expr(job::Column::WaitCode, Expr::value(Some(WAIT_CODE.to_owned())));
    }
    update.exec(tx.connection()).await.doing("giving runs their time")?;
    Ok(())
}

/// How long after the first one the run at this place of all begins: 1 run, then 2, then 4, … and 64 a step from then on.
fn after(place: u32) -> Duration {
    let doubled = (1 << (DOUBLINGS + 1)) - 1;
    let step = match place.checked_sub(doubled) {
        None => (place + 1).ilog2(),
        Some(beyond) => DOUBLINGS + 1 + beyond / (1 << DOUBLINGS),
    };
    STEP * i32::try_from(step).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{STEP, after};

    #[test]
    fn each_step_lets_twice_as_many_go_until_there_are_enough() {
        let mut steps: BTreeMap<i64, usize> = BTreeMap::new();
        for place in 0..300 {
            *steps.entry(after(place).num_seconds() / STEP.num_seconds()).or_default() += 1;
        }
        let sizes: Vec<usize> = steps.values().copied().collect();
        assert_eq!(sizes, [1, 2, 4, 8, 16, 32, 64, 64, 64, 45]);
        assert_eq!(steps.keys().copied().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    }
}

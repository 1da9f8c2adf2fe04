//! What goes on when the other system is back: runs that wait for it get times that become denser and denser, over all tenants
//! together, and runs that it ended are retried among them. What goes on in vain waits longer before the next time.
//!
//! Nothing is moved but times: what a crash leaves behind comes by the times that it had.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use entity::failure::{self, FailureStatus};
use entity::incident::{self, IncidentFault};
use entity::incident_system;
use entity::integration::IntegrationStatus;
use entity::job::{self, JobStatus};
use entity::system::{self, CircuitState};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::super::Background;
use super::super::circuit::WAIT_CODE;
use super::super::reconnection::TakenUp;
use super::ended::Ended;
use crate::error::{Doing, Result};
use crate::incident::{find, update_rows};
use crate::scope::TxScope;

/// Systems whose runs are let go after one look.
const SYSTEMS_MAX: u64 = 50;
/// Time between two steps of what goes on.
const STEP: Duration = Duration::seconds(2);
/// Steps that double: 1, 2, 4, … 64 runs.
const DOUBLINGS: u32 = 6;
/// Who retries what an outage ended.
const BY: &str = "Trestle, because the other system answers again";

impl Background {
    /// Lets go what waited for some of its systems.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub(super) async fn let_go_of(&self, incident: &incident::Model) -> Result<()> {
        let now = self.app().clock().now();
        let Some(from) = incident.drained_from.filter(|from| *from <= now) else { return Ok(()) };
        // What failed although others went on already is pulled forward no more before it answers.
        let mut is_due = incident_system::Column::LastFailedAt
            .lte(from)
            .or(incident_system::Column::RecoveredAt.is_not_null());
        if incident.resolved_at.is_some() {
            is_due = Expr::value(true);
        }
        let waiting = incident_system::Entity::find()
            .filter(incident_system::Column::IncidentId.eq(incident.id))
            .filter(is_due)
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
                .col_expr(incident::Column::OverAt, Expr::value(Some(now)))
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
        let ended = Ended { incident: &incident, row };
        let mut taken_up = TakenUp::default();
        let mut let_go = Vec::new();
        for id in ended.held(&tx).await? {
            if taken_up.let_go(&mut tx, id).await? == IntegrationStatus::Active {
                let_go.push(id);
            }
        }
        let waiting = ended.waiting(&tx, let_go).await?;
        let failures = ended.failures(tx.app()).add(failure::Column::Status.eq(FailureStatus::Open));
        let fresh = match taken_up.retry(&mut tx, BY, failures).await? {
            Some(retry) => ended.retried(&tx, retry).await?,
            None => Vec::new(),
        };
        let mut place = u32::try_from(incident.drained_count).unwrap_or(0);
        // Where nobody has looked for a while, the steps go on from now, and not all at once.
        let from = Ord::max(from, now - after(place));
        let mut times: BTreeMap<DateTime<Utc>, Vec<Uuid>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for job in waiting.iter().chain(&fresh) {
            if !seen.insert(job.id) {
                continue;
            }
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
        taken_up.settle(&tx, row.system_id).await?;
        tx.commit().await?;
        // Later ones wait until the circuit has them tried: what came of the first is known by then.
        if incident.drain_round > 1 {
            return Ok(());
        }
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

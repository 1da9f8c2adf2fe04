//! Circuit breakers: a system that failed several times in a row is left alone for a while, then one run tries it, and
//! when that goes through the others follow, slowly. The state is in the system's row, so it is one for all workers.
//!
//! CLOSED: runs use it. OPEN: runs wait until a time. HALF_OPEN: one run, the probe, uses it; the others wait for that.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::job::{self, JobStatus};
use entity::system::{self, CircuitState, SystemStatus};
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    UpdateMany,
};
use serde_json::json;
use uuid::Uuid;

use super::lease::RunLease;
use super::transaction::BatchTx;
use crate::app::App;
use crate::error::{Doing, Result};
use crate::health::status::look_again_at_users_of;
use crate::run_event::NewEvent;
use crate::scope::TxScope;

/// Failures of attempts in a row, of whichever runs, after which a system is left alone. Within an attempt each call is
/// tried six times already.
const FAILURES_MAX: i32 = 5;
/// The longest time that a system is left alone; after it a run tries again, however long it has been down.
pub(crate) const OPEN_MAX: Duration = Duration::minutes(15);
/// How long runs wait for a probe that is under way, before they ask again.
pub(crate) const PROBE_WAIT: Duration = Duration::seconds(5);
/// Time between two runs that waited for a system: ten a second. They come by these when it is there again.
const SLOT: Duration = Duration::milliseconds(100);
/// Why a job waits that waits for a system; beside the codes of the catalogue.
pub(crate) const WAIT_CODE: &str = "system.circuit_open";

/// The circuits that are not closed of a batch, locked until its transaction ends.
#[derive(Default)]
pub(super) struct Circuits {
    by_system: HashMap<Uuid, Circuit>,
    probes: HashMap<Uuid, JobStatus>,
}

struct Circuit {
    row: system::Model,
    is_changed: bool,
}

/// What the circuits of both ends mean for a job.
pub(super) enum Passage {
    /// It may start.
    Free,
    /// It starts, and tells whether the systems are there again.
    Probe,
    /// Not before this, because of this system.
    Later(DateTime<Utc>, Uuid),
}

impl Circuits {
    /// Those of these systems that are not closed. One statement, or two where a probe is under way; none where all
    /// systems of the batch are closed.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub(super) async fn lock(tx: &BatchTx, systems: &HashMap<Uuid, CircuitState>) -> Result<Self> {
        let broken: Vec<Uuid> = systems
            .iter()
            .filter(|(_id, state)| **state != CircuitState::Closed)
            .map(|(id, _state)| *id)
            .collect();
        if broken.is_empty() {
            return Ok(Self::default());
        }
        let rows = system::Entity::find()
            .filter(system::Column::Id.is_in(broken))
            .filter(system::Column::CircuitState.ne(CircuitState::Closed))
            // In one order, so that two workers can't wait for each other.
            .order_by_asc(system::Column::Id)
            .lock(LockType::NoKeyUpdate)
            .all(tx.connection())
            .await
            .doing("reading circuits")?;
        let probes: Vec<Uuid> = rows.iter().filter_map(|row| row.circuit_probe_job_id).collect();
        let probes: Vec<(Uuid, JobStatus)> = if probes.is_empty() {
            Vec::new()
        } else {
            job::Entity::find()
                .select_only()
                .column(job::Column::Id)
                .column(job::Column::Status)
                .filter(job::Column::Id.is_in(probes))
                .into_tuple()
                .all(tx.connection())
                .await
                .doing("looking for probes")?
        };
        Ok(Self {
            by_system: rows.into_iter().map(|row| (row.id, Circuit { row, is_changed: false })).collect(),
            probes: probes.into_iter().collect(),
        })
    }

    /// Whether a job whose run uses these systems may start. What is answered is remembered: the next one of the batch
    /// is not the probe again.
    pub(super) fn pass(&mut self, job_id: Uuid, systems: [Uuid; 2], now: DateTime<Utc>) -> Passage {
        let mut probed = Vec::new();
        for id in systems {
            let Some(circuit) = self.by_system.get_mut(&id) else { continue };
            let row = &circuit.row;
            let not_before = match row.circuit_state {
                CircuitState::Closed => continue,
                CircuitState::Open => row.circuit_until.filter(|until| *until > now),
                CircuitState::HalfOpen => {
                    let probe = row.circuit_probe_job_id.filter(|probe| *probe != job_id);
                    let is_under_way = probe
                        .and_then(|probe| self.probes.get(&probe))
                        .is_some_and(|status| matches!(status, JobStatus::Running | JobStatus::Queued));
                    is_under_way.then(|| now + PROBE_WAIT)
                }
            };
            match not_before {
                Some(not_before) => return Passage::Later(circuit.slot(not_before), id),
                None => probed.push(id),
            }
        }
        if probed.is_empty() {
            return Passage::Free;
        }
        for id in probed {
            if let Some(circuit) = self.by_system.get_mut(&id) {
                circuit.row.circuit_state = CircuitState::HalfOpen;
                circuit.row.circuit_probe_job_id = Some(job_id);
                circuit.row.circuit_since = Some(now);
                circuit.is_changed = true;
            }
        }
        self.probes.insert(job_id, JobStatus::Running);
        Passage::Probe
    }

    /// Name of one of them.
    pub(super) fn name(&self, id: Uuid) -> &str {
        self.by_system.get(&id).map_or("", |circuit| circuit.row.name.as_str())
    }

    /// Stores what was decided: a statement for each circuit that changed.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub(super) async fn store(&self, tx: &BatchTx) -> Result<()> {
        let mut changed: Vec<&system::Model> = self
            .by_system
            .values()
            .filter(|circuit| circuit.is_changed)
            .map(|circuit| &circuit.row)
            .collect();
        changed.sort_by_key(|row| row.id);
        for row in changed {
            system::Entity::update_many()
                .col_expr(system::Column::CircuitState, Expr::value(row.circuit_state))
                .col_expr(system::Column::CircuitProbeJobId, Expr::value(row.circuit_probe_job_id))
                .col_expr(system::Column::CircuitSince, Expr::value(row.circuit_since))
                .col_expr(system::Column::CircuitSlotAt, Expr::value(row.circuit_slot_at))
                .filter(system::Column::Id.eq(row.id))
                .exec(tx.connection())
                .await
                .doing("storing a circuit")?;
        }
        Ok(())
    }
}

impl Circuit {
    /// The next free time for a run that waits, from this on: they come back one after the other.
    fn slot(&mut self, not_before: DateTime<Utc>) -> DateTime<Utc> {
        let slot = self.row.circuit_slot_at.map_or(not_before, |slot| Ord::max(slot, not_before));
        self.row.circuit_slot_at = Some(slot + SLOT);
        self.is_changed = true;
        slot
    }
}

/// The event of a run that waits for a system.
pub(super) fn waits(name: &str, system_id: Uuid, until: DateTime<Utc>) -> NewEvent {
    let message = format!(
        "`{name}` failed several times in a row and is left alone for a while. The run goes on by itself."
    );
    let system = crate::id::GlobalId::new(crate::id::Kind::System, system_id).to_string();
    NewEvent::new("system.circuit_opened", "worker", message)
        .attributes(json!({ "systemId": system, "nextAttemptAt": until }))
}

/// How an attempt failed of a system.
pub(super) struct Failing<'a> {
    /// The code of the failure.
    pub(super) code: &'a str,
    /// The request may be the reason, and not the system.
    pub(super) is_doubted: bool,
}

/// Counts that an attempt failed because of a system, and leaves that alone when it was one too many. Answers
/// with until when it is left alone, if it is; health then looks again at its users (`Aftermath`). Last but for that in its
/// transaction of the rows that others wait for, apart from the job of the lease.
pub(super) async fn count_failure(
    tx: &TxScope,
    lease: &RunLease,
    system_id: Uuid,
    why: &Failing<'_>,
) -> Result<Option<(DateTime<Utc>, NewEvent)>> {
    let row = tx
        .find::<system::Entity>()
        .filter(system::Column::Id.eq(system_id))
        .lock(LockType::NoKeyUpdate)
        .one(tx.connection())
        .await
        .doing("reading a circuit")?;
    let Some(row) = row else { return Ok(None) };
    let failures = row.circuit_failure_count.saturating_add(1);
    let now = tx.app().clock().now();
    let is_probe = row.circuit_probe_job_id == Some(lease.job_id);
    let opens = match row.circuit_state {
        CircuitState::Closed => failures >= FAILURES_MAX,
        CircuitState::HalfOpen => is_probe,
        CircuitState::Open => false,
    };
    let mut update = tx
        .update::<system::Entity>()
        .col_expr(system::Column::CircuitFailureCount, Expr::value(failures))
        .filter(system::Column::Id.eq(system_id));
    let mut until = row.circuit_until.filter(|_| row.circuit_state == CircuitState::Open);
    if opens {
        let openings = row.circuit_opening_count.saturating_add(1);
        until = Some(now + open_for(tx.app(), openings));
        let message = "It failed several times in a row. Runs wait and try it again by themselves.";
        update = update
            .col_expr(system::Column::CircuitState, Expr::value(CircuitState::Open))
            .col_expr(system::Column::CircuitOpeningCount, Expr::value(openings))
            .col_expr(system::Column::CircuitSince, Expr::value(Some(now)))
            .col_expr(system::Column::CircuitUntil, Expr::value(until))
            .col_expr(system::Column::CircuitProbeJobId, Expr::value(None::<Uuid>))
            .col_expr(system::Column::Status, Expr::value(SystemStatus::Failing))
            .col_expr(system::Column::StatusMessage, Expr::value(Some(message.to_owned())));
        tracing::warn!(
            tenant.id = %row.tenant_id, system.id = %system_id, connector = row.connector, failures, openings,
            "a system failed too often in a row and is left alone for a while"
        );
    }
    update.exec(tx.connection()).await.doing("counting a failure of a system")?;
    // With it, so that an outage of many is seen as soon as it is one.
    let doubted = why.is_doubted.then_some(lease.job_id);
    crate::incident::fault::record(tx, &row, why.code, doubted).await?;
    Ok(until.map(|until| (until, waits(&row.name, system_id, until))))
}

/// Leaves those of these systems alone that failed last, before they have failed so often by themselves: others have seen that
/// they don't answer. Such as are being decided about just now are left for the next time. How many it were.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(super) async fn leave_alone(
    tx: &BatchTx,
    app: &App,
    systems: &[Uuid],
    now: DateTime<Utc>,
) -> Result<u64> {
    use system::Column;
    if systems.is_empty() {
        return Ok(0);
    }
    let mut failed = system::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(tx.one_of(Column::Id, systems.iter().copied()))
        .filter(Column::CircuitState.eq(CircuitState::Closed))
        .filter(Column::CircuitFailureCount.gt(0));
    if tx.connection().get_database_backend() == DatabaseBackend::Postgres {
        failed = failed.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    }
    let failed: Vec<Uuid> =
        failed.into_tuple().all(tx.connection()).await.doing("reading which systems failed last")?;
    if failed.is_empty() {
        return Ok(0);
    }
    let message = "It does not answer others either. Runs wait and try it again by themselves.";
    let left = system::Entity::update_many()
        .col_expr(Column::CircuitState, Expr::value(CircuitState::Open))
        .col_expr(Column::CircuitOpeningCount, Expr::value(1))
        .col_expr(Column::CircuitSince, Expr::value(Some(now)))
        .col_expr(Column::CircuitUntil, Expr::value(Some(now + open_for(app, 1))))
        .col_expr(Column::Status, Expr::value(SystemStatus::Failing))
        .col_expr(Column::StatusMessage, Expr::value(Some(message.to_owned())))
        .filter(tx.one_of(Column::Id, failed.iter().copied()))
        .exec(tx.connection())
        .await
        .doing("leaving systems alone")?;
    look_again_at_users_of(tx.connection(), &failed, now).await?;
    Ok(left.rows_affected)
}

/// For how long a system is left alone that failed as a probe so often in a row, twice as long each time.
fn open_for(app: &App, openings: i32) -> Duration {
    let first = Duration::from_std(app.retry_wait()).unwrap_or(OPEN_MAX) * 2;
    let doublings = Ord::min(u32::try_from(openings.saturating_sub(1)).unwrap_or(0), 16);
    first.checked_mul(2_i32.saturating_pow(doublings)).map_or(OPEN_MAX, |open| Ord::min(open, OPEN_MAX))
}

/// An update that closes circuits, of those that are not as if nothing had ever failed.
pub(crate) fn close(update: UpdateMany<system::Entity>, now: DateTime<Utc>) -> UpdateMany<system::Entity> {
    let closed = CircuitState::Closed;
    // One that was closed all the time stays so since then.
    let since = Expr::case(system::Column::CircuitState.eq(closed), Expr::col(system::Column::CircuitSince))
        .finally(Expr::value(Some(now)))
        .into();
    update
        .col_expr(system::Column::CircuitState, Expr::value(closed))
        .col_expr(system::Column::CircuitFailureCount, Expr::value(0))
        .col_expr(system::Column::CircuitOpeningCount, Expr::value(0))
        .col_expr(system::Column::CircuitSince, since)
        .col_expr(system::Column::CircuitUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(system::Column::CircuitProbeJobId, Expr::value(None::<Uuid>))
        .filter(
            system::Column::CircuitState
                .ne(closed)
                .or(system::Column::CircuitFailureCount.ne(0))
                .or(system::Column::Status.ne(SystemStatus::Healthy)),
        )
}

/// Closes circuits of systems that answered. Those of them that were not as healthy as that.
pub(super) async fn answered(tx: &TxScope, systems: impl IntoIterator<Item = Uuid>) -> Result<Vec<Uuid>> {
    closed(close(tx.update::<system::Entity>(), tx.app().clock().now()), tx, systems).await
}

/// The same for systems that a run has used to its end: they are healthy.
pub(super) async fn went_through(tx: &TxScope, systems: impl IntoIterator<Item = Uuid>) -> Result<Vec<Uuid>> {
    let update = tx
        .update::<system::Entity>()
        .col_expr(system::Column::Status, Expr::value(SystemStatus::Healthy))
        .col_expr(system::Column::StatusMessage, Expr::value(None::<String>));
    closed(close(update, tx.app().clock().now()), tx, systems).await
}

async fn closed(
    update: UpdateMany<system::Entity>,
    tx: &TxScope,
    systems: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Uuid>> {
    let rows = update
        .filter(system::Column::Id.is_in(systems))
        .exec_with_returning(tx.connection())
        .await
        .doing("closing circuits")?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, Utc};
    use entity::job::JobStatus;
    use entity::system::{self, CircuitState, SystemStatus};
    use serde_json::json;
    use uuid::Uuid;

    use super::{Circuit, Circuits, PROBE_WAIT, Passage, SLOT};

    const SHOP: Uuid = Uuid::from_u128(1);
    const LEDGER: Uuid = Uuid::from_u128(2);
    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn circuits(state: CircuitState, until: DateTime<Utc>, probe: Option<(Uuid, JobStatus)>) -> Circuits {
        let row = system::Model {
            id: SHOP,
            tenant_id: Uuid::nil(),
            name: "Shop".to_owned(),
            connector: "http".to_owned(),
            config: json!({}),
            credentials: None,
            status: SystemStatus::Failing,
            status_message: None,
            last_tested_at: None,
            rate_limit_per_minute: None,
            rate_limit_burst: None,
            circuit_state: state,
            circuit_failure_count: 5,
            circuit_opening_count: 1,
            circuit_since: Some(NOW),
            circuit_until: Some(until),
            circuit_slot_at: None,
            circuit_probe_job_id: probe.map(|(id, _)| id),
            created_at: NOW,
            updated_at: NOW,
        };
        Circuits {
            by_system: [(SHOP, Circuit { row, is_changed: false })].into(),
            probes: probe.into_iter().collect(),
        }
    }

    fn later(passage: &Passage) -> Option<Duration> {
        match passage {
            Passage::Later(at, SHOP) => Some(*at - NOW),
            _ => None,
        }
    }

    #[test]
    fn while_it_is_open_runs_get_times_one_after_the_other() {
        let mut circuits = circuits(CircuitState::Open, NOW + Duration::seconds(30), None);
        let times: Vec<_> =
            (10..13).map(|job| later(&circuits.pass(Uuid::from_u128(job), [LEDGER, SHOP], NOW))).collect();
        let from = Duration::seconds(30);
        assert_eq!(times, [Some(from), Some(from + SLOT), Some(from + SLOT * 2)]);
        assert!(matches!(circuits.pass(Uuid::from_u128(9), [LEDGER, LEDGER], NOW), Passage::Free));
    }

    #[test]
    fn when_its_time_is_over_one_run_is_the_probe_and_the_others_wait_for_it() {
        let mut circuits = circuits(CircuitState::Open, NOW, None);
        let first = Uuid::from_u128(10);
        assert!(matches!(circuits.pass(first, [SHOP, SHOP], NOW), Passage::Probe));
        let other = circuits.pass(Uuid::from_u128(11), [SHOP, LEDGER], NOW);
        assert_eq!(later(&other), Some(PROBE_WAIT));
        // Claimed again, by another worker, it is still the probe.
        assert!(matches!(circuits.pass(first, [SHOP, SHOP], NOW), Passage::Probe));
    }

    #[test]
    fn a_probe_that_is_gone_is_followed_by_another_one() {
        let probe = Uuid::from_u128(10);
        for (status, is_gone) in [
            (JobStatus::Running, false),
            (JobStatus::Queued, false),
            (JobStatus::Held, true),
            (JobStatus::Waiting, true),
            (JobStatus::Done, true),
        ] {
            let mut circuits = circuits(CircuitState::HalfOpen, NOW, Some((probe, status)));
            let passage = circuits.pass(Uuid::from_u128(11), [SHOP, LEDGER], NOW);
            assert_eq!(matches!(passage, Passage::Probe), is_gone, "{status:?}");
        }
    }
}

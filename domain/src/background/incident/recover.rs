//! Which systems of incidents answer again, and what that means for their incidents.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use entity::incident::{self, IncidentStatus};
use entity::incident_entry::IncidentEntryKind;
use entity::run::{self, RunScope, RunStatus};
use entity::system::{self, CircuitState};
use entity::{incident_system, integration, system_fault};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::super::circuit::OPEN_MAX;
use super::super::transaction::BatchTx;
use super::Look;
use crate::error::{Doing, Result};
use crate::incident::store::{plural, set_status};
use crate::incident::timeline::{NewEntry, enter};

/// Runs that one look takes as evidence, those that ended last.
const RUNS_MAX: u64 = 10_000;

impl Look<'_> {
    /// Sees which systems answer again, and what that means for their incidents.
    pub(super) async fn recover(&mut self) -> Result<()> {
        let systems: BTreeMap<Uuid, Uuid> = self
            .incidents
            .iter()
            .filter(|incident| incident.resolved_at.is_none())
            .filter_map(|incident| self.hit.get(&incident.id))
            .flatten()
            .filter(|row| row.last_failed_at.is_some())
            .map(|row| (row.system_id, row.tenant_id))
            .collect();
        if systems.is_empty() {
            return Ok(());
        }
        let well = answering(self.tx, &systems).await?;
        let options = self.background.app().incidents();
        let quiet = Duration::from_std(options.quiet).unwrap_or(Duration::minutes(1));
        let pace = Pace { quiet, enough: options.tenants };
        for incident in self.incidents.iter().filter(|incident| incident.resolved_at.is_none()) {
            let Some(rows) = self.hit.get_mut(&incident.id) else { continue };
            let mut recovered = Vec::new();
            for row in rows.iter_mut().filter(|row| row.last_failed_at.is_some()) {
                if row.recovered_at.is_none() && well.contains(&row.system_id) {
                    row.recovered_at = Some(self.now);
                    recovered.push(row.id);
                }
            }
            if !recovered.is_empty() {
                store_recovered(self.tx, &recovered, self.now).await?;
                let text = format!("Answering again: {}.", plural(recovered.len(), "system"));
                let entry = NewEntry::inside(IncidentEntryKind::Recovered, text);
                enter(self.tx.connection(), incident.id, entry, self.now).await?;
            }
            if let Some(status) = next_status(incident, rows, &pace, self.now) {
                set_status(self.tx.connection(), incident, status, None, self.now).await?;
                tracing::info!(incident.id = %incident.id, status = ?status, "an incident has moved on");
            }
        }
        Ok(())
    }
}

/// When an incident moves on.
struct Pace {
    /// How long nothing may fail.
    quiet: Duration,
    /// So many tenants in trouble are an incident.
    enough: usize,
}

/// What follows for the status of an incident from how its systems are; `None` where nothing does.
///
/// It is watched once a system answers after the last failure of any, or all but one tenant's do, or after a quiet time with
/// fewer in trouble than make an incident; over after a quiet time more, in which all answer, or a long one. The trouble of
/// one tenant is its own: it takes two, where it hits so many, to take it back.
fn next_status(
    incident: &incident::Model,
    rows: &[incident_system::Model],
    pace: &Pace,
    now: DateTime<Utc>,
) -> Option<IncidentStatus> {
    let failed_at = rows.iter().filter_map(|row| row.last_failed_at).max()?;
    let recovered_at = rows.iter().filter_map(|row| row.recovered_at).max();
    let failing_since = |since: DateTime<Utc>| {
        let failing = rows.iter().filter(|row| row.recovered_at.is_none());
        let failing = failing.filter(|row| row.last_failed_at.is_some_and(|at| at > since));
        failing.map(|row| row.tenant_id).collect::<BTreeSet<Uuid>>().len()
    };
    let failing = failing_since(DateTime::<Utc>::MIN_UTC);
    let tenants: BTreeSet<Uuid> = rows.iter().map(|row| row.tenant_id).collect();
    let several = Ord::min(2, tenants.len());
    let calm = now - failed_at;
    match incident.status {
        IncidentStatus::Investigating | IncidentStatus::Identified => {
            let is_back = recovered_at? > failed_at || failing < several;
            let is_calm = calm >= pace.quiet && failing < pace.enough;
            (is_back || is_calm).then_some(IncidentStatus::Monitoring)
        }
        IncidentStatus::Monitoring if failing_since(incident.status_at) >= several => {
            Some(IncidentStatus::Investigating)
        }
        IncidentStatus::Monitoring => {
            let long = if failing == 0 { pace.quiet } else { Ord::max(pace.quiet, OPEN_MAX) };
            (calm >= long && recovered_at.is_some() && now - incident.status_at >= pace.quiet)
                .then_some(IncidentStatus::Resolved)
        }
        IncidentStatus::Resolved => None,
    }
}

/// Those of these systems, each with its tenant, that answered an attempt after the last that failed, or that somebody found
/// there. Where an attempt has not given up, that it is silent or gone says nothing.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn answering(tx: &BatchTx, systems: &BTreeMap<Uuid, Uuid>) -> Result<BTreeSet<Uuid>> {
    // Before the circuits: an attempt that gives up meanwhile makes its suspicion a count of the circuit, and is seen by one
    // of the two.
    let suspected: Vec<(Uuid, DateTime<Utc>)> = system_fault::Entity::find()
        .select_only()
        .column(system_fault::Column::SystemId)
        .column(system_fault::Column::LastSeenAt)
        .filter(tx.one_of(system_fault::Column::SystemId, systems.keys().copied()))
        .filter(system_fault::Column::TriedByJobId.is_not_null())
        .order_by_asc(system_fault::Column::LastSeenAt)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading which systems are suspected")?;
    let closed: Vec<Uuid> = system::Entity::find()
        .select_only()
        .column(system::Column::Id)
        .filter(tx.one_of(system::Column::Id, systems.keys().copied()))
        .filter(system::Column::CircuitState.eq(CircuitState::Closed))
        .filter(system::Column::CircuitFailureCount.eq(0))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading which systems answer again")?;
    // Of two troubles the later one.
    let mut suspected: BTreeMap<Uuid, DateTime<Utc>> = suspected.into_iter().collect();
    suspected.retain(|system, _| closed.contains(system));
    let proved = went_through(tx, systems, &suspected).await?;
    Ok(closed.into_iter().filter(|id| !suspected.contains_key(id) || proved.contains(id)).collect())
}

/// Those of these systems that a run has used to its end after they were suspected last.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn went_through(
    tx: &BatchTx,
    tenants: &BTreeMap<Uuid, Uuid>,
    suspected: &BTreeMap<Uuid, DateTime<Utc>>,
) -> Result<BTreeSet<Uuid>> {
    let Some(since) = suspected.values().min() else { return Ok(BTreeSet::new()) };
    let of_them = |side| tx.one_of(side, suspected.keys().copied());
    let ends: Vec<(Uuid, Uuid, Uuid)> = integration::Entity::find()
        .select_only()
        .column(integration::Column::Id)
        .column(integration::Column::SourceId)
        .column(integration::Column::DestinationId)
        .filter(of_them(integration::Column::SourceId).or(of_them(integration::Column::DestinationId)))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading who uses systems")?;
    let ends: BTreeMap<Uuid, [Uuid; 2]> =
        ends.into_iter().map(|(id, source, destination)| (id, [source, destination])).collect();
    let tenants = suspected.keys().filter_map(|system| tenants.get(system).copied()).collect::<BTreeSet<_>>();
    let runs = run::Entity::find()
        .filter(tx.one_of(run::Column::TenantId, tenants))
        .filter(run::Column::FinishedAt.gt(*since))
        .filter(run::Column::Status.is_in([RunStatus::Succeeded, RunStatus::Partial]))
        .filter(tx.one_of(run::Column::IntegrationId, ends.keys().copied()))
        .order_by_desc(run::Column::FinishedAt)
        .limit(RUNS_MAX)
        .all(tx.connection())
        .await
        .doing("reading which runs went through")?;
    let mut proved = BTreeSet::new();
    for run in runs {
        let (Some([source, destination]), Some(at)) = (ends.get(&run.integration_id), run.finished_at) else {
            continue;
        };
        // A retry of stored records reads none, and what did not change is sent to none.
        let has_read = (run.scope == RunScope::AllRecords).then_some(*source);
        let written = run.created_count + run.updated_count + run.deleted_count;
        let has_written = (written > 0).then_some(*destination);
        let used = has_read.into_iter().chain(has_written);
        proved.extend(used.filter(|system| suspected.get(system).is_some_and(|seen| at > *seen)));
    }
    Ok(proved)
}

#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn store_recovered(tx: &BatchTx, ids: &[Uuid], now: DateTime<Utc>) -> Result<()> {
    use incident_system::Column;
    incident_system::Entity::update_many()
        .col_expr(Column::RecoveredAt, Expr::value(Some(now)))
        .filter(tx.one_of(Column::Id, ids.iter().copied()))
        .exec(tx.connection())
        .await
        .doing("storing that systems answer again")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, Utc};
    use entity::incident::{IncidentFault, IncidentStatus};
    use entity::incident_system;
    use uuid::Uuid;

    use super::super::detect::found;
    use super::{Pace, next_status};

    const PACE: Pace = Pace { quiet: Duration::seconds(60), enough: 3 };

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    fn row(tenant: u128, failed: Option<i64>, recovered: Option<i64>) -> incident_system::Model {
        incident_system::Model {
            id: Uuid::nil(),
            tenant_id: Uuid::from_u128(tenant),
            incident_id: Uuid::nil(),
            system_id: Uuid::nil(),
            first_seen_at: at(0),
            last_failed_at: failed.map(at),
            recovered_at: recovered.map(at),
            taken_up_at: None,
            resolved_at: None,
        }
    }

    fn next(
        status: IncidentStatus,
        since: i64,
        rows: &[incident_system::Model],
        now: i64,
    ) -> Option<IncidentStatus> {
        let mut incident = found("api.example.com", IncidentFault::Unavailable, &[], at(0), at(0));
        (incident.status, incident.status_at) = (status, at(since));
        next_status(&incident, rows, &PACE, at(now))
    }

    #[test]
    fn it_is_watched_when_one_answers_after_the_last_failure_and_over_when_all_do_for_a_while() {
        use IncidentStatus::{Identified, Investigating, Monitoring, Resolved};
        let down = [row(1, Some(10), None), row(2, Some(12), None)];
        assert_eq!(next(Investigating, 0, &down, 500), None, "nobody has seen it answer");
        let one_back = [row(1, Some(10), Some(20)), row(2, Some(12), None)];
        assert_eq!(next(Investigating, 0, &one_back, 20), Some(Monitoring));
        assert_eq!(next(Identified, 15, &one_back, 20), Some(Monitoring));
        assert_eq!(next(Monitoring, 20, &one_back, 80), None, "one has not been seen to answer");
        assert_eq!(next(Monitoring, 20, &one_back, 12 + 15 * 60 - 1), None);
        assert_eq!(next(Monitoring, 20, &one_back, 12 + 15 * 60), Some(Resolved));
        let both_back = [row(1, Some(10), Some(20)), row(2, Some(12), Some(30))];
        assert_eq!(next(Monitoring, 20, &both_back, 79), None);
        assert_eq!(next(Monitoring, 20, &both_back, 80), Some(Resolved));
        assert_eq!(next(Resolved, 80, &both_back, 500), None);
    }

    #[test]
    fn what_fails_for_several_while_it_is_watched_takes_it_back() {
        use IncidentStatus::{Investigating, Monitoring};
        let again = [row(1, Some(10), Some(20)), row(2, Some(30), None), row(3, Some(31), None)];
        assert_eq!(next(Monitoring, 20, &again, 31), Some(Investigating));
        // One that answers does not outweigh two that failed after it, until that is quiet.
        assert_eq!(next(Investigating, 31, &again, 90), None);
        assert_eq!(next(Investigating, 31, &again, 91), Some(Monitoring));
        let back = [row(1, Some(10), Some(20)), row(2, Some(30), Some(35)), row(3, Some(31), None)];
        assert_eq!(next(Investigating, 31, &back, 35), Some(Monitoring));
        // So many in trouble are an incident, however quiet they are.
        let many = [again.to_vec(), vec![row(4, Some(30), None)]].concat();
        assert_eq!(next(Investigating, 31, &many, 5_000), None);
    }

    #[test]
    fn one_tenant_that_goes_on_failing_takes_nothing_back_and_is_not_waited_for_to_watch_the_others() {
        use IncidentStatus::{Investigating, Monitoring};
        let alone = [
            row(1, Some(10), Some(20)),
            row(2, Some(10), Some(20)),
            row(3, Some(30), None),
            row(3, Some(31), None),
        ];
        assert_eq!(next(Monitoring, 20, &alone, 31), None);
        assert_eq!(next(Investigating, 20, &alone, 31), Some(Monitoring));
        // Where it is the only one that is hit, there is no other to go by.
        assert_eq!(next(Monitoring, 20, &alone[2..], 31), Some(Investigating));
        assert_eq!(next(Investigating, 20, &alone[2..], 5_000), None);
    }

    #[test]
    fn one_that_somebody_made_and_nothing_failed_of_is_over_when_somebody_says_so() {
        let named = [row(1, None, None)];
        for status in [IncidentStatus::Investigating, IncidentStatus::Monitoring] {
            assert_eq!(next(status, 0, &named, 5_000), None);
        }
    }
}

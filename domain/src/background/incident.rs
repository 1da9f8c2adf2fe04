//! How incidents are found, and seen to end: the same trouble at one host for several tenants within minutes is one, later
//! tenants join it, and when the first system answers again it is watched, and over after a quiet time. One process looks at
//! a time, any, without a leader; where nothing fails a look costs two small queries.
//!
//! Deliberately absent: letting go what waited (`drain`), and whether a system may be used (`circuit`).

mod drain;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Duration, Utc};
use entity::incident::{self, FollowUpList, IncidentFault, IncidentSeverity, IncidentStatus};
use entity::incident_entry::IncidentEntryKind;
use entity::job::{self, JobStatus};
use entity::occasion::OccasionKind;
use entity::string_list::StringList;
use entity::system::{self, CircuitState};
use entity::{incident_system, system_fault};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use uuid::Uuid;

use super::Background;
use super::transaction::BatchTx;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::incident::store::{Hit, add, plural, set_status, tell};
use crate::incident::timeline::{NewEntry, enter};
use crate::incident::{find, insert_unless_open};

/// Incidents under way that one look takes: more at a time are an outage of our own.
const INCIDENTS_MAX: u64 = 200;
/// Systems in trouble that one look takes, those that failed last.
const FAULTS_MAX: u64 = 20_000;
/// Systems of the incidents under way.
const SYSTEMS_MAX: u64 = 50_000;
/// Who said that calls fail, and has said nothing for so long while it runs on, got through: longer than most calls take.
const TRYING_MAX: Duration = Duration::seconds(120);
/// Calls that failed so long ago, in an attempt that has not given up, were a hiccup.
const SUSPECTED_MAX: Duration = Duration::seconds(60);
/// The lock of who looks.
const LOCK: i64 = 5_406_231_878;
/// How long what was wrong with a system is kept: longer than any window.
const FAULT_KEPT: Duration = Duration::days(2);

/// A system that failed lately.
type Fault = system_fault::Model;

impl Background {
    /// One look: finds incidents, lets systems join them, and sees which are over; then lets go what waited. Answers with how
    /// many incidents are under way.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; what was done stands.
    pub async fn tick_incidents(&self) -> Result<u64> {
        let now = self.app().clock().now();
        if !self.is_anything_wrong(now).await? {
            return Ok(0);
        }
        let tx = BatchTx::begin(self.app()).await?;
        if !is_mine(&tx).await? {
            return Ok(0);
        }
        let mut look = Look::begin(self, &tx, now).await?;
        look.join().await?;
        look.find().await?;
        look.recover().await?;
        let incidents = look.incidents;
        tx.commit().await?;
        for incident in &incidents {
            self.look_after(incident.id).await?;
        }
        Ok(incidents.len() as u64)
    }

    /// Deletes what was wrong with systems long ago. Answers with how many rows.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub(super) async fn purge_faults(&self) -> Result<u64> {
        let deleted = system_fault::Entity::delete_many()
            .filter(system_fault::Column::LastSeenAt.lt(self.app().clock().now() - FAULT_KEPT))
            .exec(self.app().across_tenants().writer())
            .await
            .doing("deleting old troubles of systems")?;
        Ok(deleted.rows_affected)
    }

    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn is_anything_wrong(&self, now: DateTime<Utc>) -> Result<bool> {
        let connection = self.app().across_tenants().writer();
        let under_way: Option<Uuid> = find()
            .select_only()
            .column(incident::Column::Id)
            .filter(incident::Column::OverAt.is_null())
            .limit(1)
            .into_tuple()
            .one(connection)
            .await
            .doing("looking for incidents")?;
        if under_way.is_some() {
            return Ok(true);
        }
        let failing: Option<Uuid> = system_fault::Entity::find()
            .select_only()
            .column(system_fault::Column::SystemId)
            .filter(system_fault::Column::LastSeenAt.gte(self.window_from(now)))
            .limit(1)
            .into_tuple()
            .one(connection)
            .await
            .doing("looking for systems in trouble")?;
        Ok(failing.is_some())
    }

    fn window_from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - Duration::from_std(self.app().incidents().window).unwrap_or(Duration::minutes(10))
    }
}

/// Whether this process looks now: until the end of the transaction no other does. SQLite has one writer anyhow.
async fn is_mine(tx: &BatchTx) -> Result<bool> {
    let connection = tx.connection();
    if connection.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(true);
    }
    let sql = format!("SELECT pg_try_advisory_xact_lock({LOCK})");
    let doing = "taking a turn at incidents";
    let row = connection.query_one_raw(Statement::from_string(DatabaseBackend::Postgres, sql)).await;
    match row.doing(doing)? {
        Some(row) => row.try_get_by_index(0).doing(doing),
        None => Ok(false),
    }
}

/// One look: what was read for it.
struct Look<'a> {
    background: &'a Background,
    tx: &'a BatchTx,
    now: DateTime<Utc>,
    /// Those under way, and those that are resolved while something still waits.
    incidents: Vec<incident::Model>,
    /// Whom they hit.
    hit: HashMap<Uuid, Vec<incident_system::Model>>,
    /// What failed lately, and belongs to none of them.
    faults: Vec<Fault>,
}

impl<'a> Look<'a> {
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn begin(background: &'a Background, tx: &'a BatchTx, now: DateTime<Utc>) -> Result<Self> {
        let incidents = find()
            .filter(incident::Column::OverAt.is_null())
            .order_by_asc(incident::Column::Id)
            .limit(INCIDENTS_MAX)
            .lock_exclusive()
            .all(tx.connection())
            .await
            .doing("reading incidents")?;
        let mut hit: HashMap<Uuid, Vec<incident_system::Model>> = HashMap::new();
        if !incidents.is_empty() {
            let rows = incident_system::Entity::find()
                .filter(tx.one_of(incident_system::Column::IncidentId, incidents.iter().map(|row| row.id)))
                .order_by_asc(incident_system::Column::Id)
                .limit(SYSTEMS_MAX)
                .all(tx.connection())
                .await
                .doing("reading whom incidents hit")?;
            for row in rows {
                hit.entry(row.incident_id).or_default().push(row);
            }
        }
        let mut faults = system_fault::Entity::find()
            .filter(system_fault::Column::LastSeenAt.gte(background.window_from(now)))
            .order_by_desc(system_fault::Column::LastSeenAt)
            .limit(FAULTS_MAX)
            .all(tx.connection())
            .await
            .doing("reading systems in trouble")?;
        let suspected_from = now - SUSPECTED_MAX;
        faults.retain(|fault| fault.tried_by_job_id.is_none() || fault.last_seen_at >= suspected_from);
        Ok(Self { background, tx, now, incidents, hit, faults })
    }

    /// Systems that fail as those of an incident under way belong to it: at its host, or because somebody named them.
    async fn join(&mut self) -> Result<()> {
        let open: Vec<incident::Model> =
            self.incidents.iter().filter(|row| row.resolved_at.is_none()).cloned().collect();
        for incident in open {
            let rows = self.hit.entry(incident.id).or_default();
            let known: HashMap<Uuid, usize> =
                rows.iter().enumerate().map(|(index, row)| (row.system_id, index)).collect();
            let (of_it, others): (Vec<Fault>, Vec<Fault>) =
                std::mem::take(&mut self.faults).into_iter().partition(|fault| {
                    fault.fault == incident.fault
                        && (incident.host.as_ref() == Some(&fault.host)
                            || known.contains_key(&fault.system_id))
                });
            self.faults = others;
            let mut hits = Vec::new();
            for fault in &of_it {
                match known.get(&fault.system_id) {
                    None => hits.push(hit(fault)),
                    Some(index) => {
                        let row = &mut rows[*index];
                        if row.last_failed_at.is_none_or(|at| at < fault.last_seen_at) {
                            row.last_failed_at = Some(fault.last_seen_at);
                            (row.recovered_at, row.taken_up_at) = (None, None);
                            store_failed(self.tx, row).await?;
                        }
                    }
                }
            }
            self.add(&incident, hits).await?;
        }
        Ok(())
    }

    /// Makes an incident of what hits enough tenants.
    async fn find(&mut self) -> Result<()> {
        let mut by_place: BTreeMap<(String, IncidentFault), Vec<Fault>> = BTreeMap::new();
        for fault in std::mem::take(&mut self.faults) {
            by_place.entry((fault.host.clone(), fault.fault)).or_default().push(fault);
        }
        let enough = self.background.app().incidents().tenants;
        for ((host, fault), faults) in by_place {
            let tenants: BTreeSet<Uuid> = faults.iter().map(|fault| fault.tenant_id).collect();
            if tenants.len() < enough {
                continue;
            }
            let row = found(&host, fault, &faults, self.now);
            if !insert_unless_open(self.tx.connection(), row.clone()).await? {
                // Somebody has said so just now: these join it at the next look.
                continue;
            }
            tracing::warn!(
                incident.id = %row.id, host, tenants = tenants.len(), systems = faults.len(),
                "an outside system is in trouble for several tenants"
            );
            let entry = NewEntry::public(IncidentEntryKind::Detected, None);
            enter(self.tx.connection(), row.id, entry, self.now).await?;
            let operator = [(None, None)].into_iter();
            tell(self.tx.connection(), &row, OccasionKind::IncidentOpened, operator, self.now).await?;
            self.incidents.push(row.clone());
            self.add(&row, faults.iter().map(hit).collect()).await?;
        }
        Ok(())
    }

    async fn add(&mut self, incident: &incident::Model, mut hits: Vec<Hit>) -> Result<()> {
        if hits.is_empty() {
            return Ok(());
        }
        hits.sort_by_key(|hit| (hit.first_seen_at, hit.system_id));
        let rows = self.hit.entry(incident.id).or_default();
        let tenants = rows.iter().map(|row| row.tenant_id).collect();
        add(self.tx.connection(), incident, (&tenants, rows.len()), &hits, self.now).await
    }

    /// Sees which systems answer again, and what that means for their incidents.
    async fn recover(&mut self) -> Result<()> {
        let ids: BTreeSet<Uuid> = self
            .incidents
            .iter()
            .filter(|incident| incident.resolved_at.is_none())
            .filter_map(|incident| self.hit.get(&incident.id))
            .flatten()
            .filter(|row| row.last_failed_at.is_some())
            .map(|row| row.system_id)
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let well = answering(self.tx, ids).await?;
        let quiet =
            Duration::from_std(self.background.app().incidents().quiet).unwrap_or(Duration::minutes(1));
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
            if let Some(status) = next_status(incident, rows, quiet, self.now) {
                set_status(self.tx.connection(), incident, status, None, self.now).await?;
                tracing::info!(incident.id = %incident.id, status = ?status, "an incident has moved on");
            }
        }
        Ok(())
    }
}

/// What follows for the status of an incident from how its systems are; `None` where nothing does.
///
/// It is watched once a system answers after the last failure of any, or after a quiet time in which none failed and at
/// least one answers; over after a quiet time more. What fails meanwhile takes it back.
fn next_status(
    incident: &incident::Model,
    rows: &[incident_system::Model],
    quiet: Duration,
    now: DateTime<Utc>,
) -> Option<IncidentStatus> {
    let failed_at = rows.iter().filter_map(|row| row.last_failed_at).max()?;
    let recovered_at = rows.iter().filter_map(|row| row.recovered_at).max();
    let is_quiet = now - failed_at >= quiet;
    match incident.status {
        IncidentStatus::Investigating | IncidentStatus::Identified => {
            let recovered_at = recovered_at?;
            (recovered_at > failed_at || is_quiet).then_some(IncidentStatus::Monitoring)
        }
        IncidentStatus::Monitoring if failed_at > incident.status_at => Some(IncidentStatus::Investigating),
        IncidentStatus::Monitoring => {
            (is_quiet && recovered_at.is_some() && now - incident.status_at >= quiet)
                .then_some(IncidentStatus::Resolved)
        }
        IncidentStatus::Resolved => None,
    }
}

/// Those of these systems that answered an attempt after the last that failed, or that somebody found there.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn answering(tx: &BatchTx, ids: BTreeSet<Uuid>) -> Result<BTreeSet<Uuid>> {
    let trying: Vec<(Uuid, Option<Uuid>)> = system_fault::Entity::find()
        .select_only()
        .column(system_fault::Column::SystemId)
        .column(system_fault::Column::TriedByJobId)
        .filter(tx.one_of(system_fault::Column::SystemId, ids.iter().copied()))
        .filter(system_fault::Column::TriedByJobId.is_not_null())
        .filter(system_fault::Column::LastSeenAt.gte(tx.now() - TRYING_MAX))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading who still tries")?;
    let running: BTreeSet<Uuid> = if trying.is_empty() {
        BTreeSet::new()
    } else {
        let jobs: Vec<Uuid> = job::Entity::find()
            .select_only()
            .column(job::Column::Id)
            .filter(tx.one_of(job::Column::Id, trying.iter().filter_map(|(_, job)| *job)))
            .filter(job::Column::Status.eq(JobStatus::Running))
            .into_tuple()
            .all(tx.connection())
            .await
            .doing("reading who still tries")?;
        jobs.into_iter().collect()
    };
    // Of these nobody knows yet.
    let undecided: BTreeSet<Uuid> = trying
        .into_iter()
        .filter(|(_, job)| job.is_some_and(|job| running.contains(&job)))
        .map(|(system, _)| system)
        .collect();
    let ids: Vec<Uuid> = system::Entity::find()
        .select_only()
        .column(system::Column::Id)
        .filter(tx.one_of(system::Column::Id, ids))
        .filter(system::Column::CircuitState.eq(CircuitState::Closed))
        .filter(system::Column::CircuitFailureCount.eq(0))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading which systems answer again")?;
    Ok(ids.into_iter().filter(|id| !undecided.contains(id)).collect())
}

#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn store_failed(tx: &BatchTx, row: &incident_system::Model) -> Result<()> {
    use incident_system::Column;
    incident_system::Entity::update_many()
        .col_expr(Column::LastFailedAt, Expr::value(row.last_failed_at))
        .col_expr(Column::RecoveredAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::TakenUpAt, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::Id.eq(row.id))
        .exec(tx.connection())
        .await
        .doing("storing that a system failed again")?;
    Ok(())
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

fn hit(fault: &Fault) -> Hit {
    Hit {
        tenant_id: fault.tenant_id,
        system_id: fault.system_id,
        first_seen_at: fault.first_seen_at,
        last_failed_at: Some(fault.last_seen_at),
    }
}

/// An incident that was found.
fn found(host: &str, fault: IncidentFault, faults: &[Fault], now: DateTime<Utc>) -> incident::Model {
    let first = faults.iter().min_by_key(|fault| (fault.first_seen_at, fault.system_id));
    let title = match fault {
        IncidentFault::Unavailable => format!("{host} does not answer"),
        IncidentFault::RateLimited => format!("{host} takes no more requests"),
    };
    incident::Model {
        id: new_id(),
        host: Some(host.to_owned()),
        connector: first.map(|fault| fault.connector.clone()),
        fault,
        status: IncidentStatus::Investigating,
        severity: IncidentSeverity::Major,
        title,
        public_message: None,
        commander: None,
        started_at: first.map_or(now, |fault| fault.first_seen_at),
        detected_at: now,
        status_at: now,
        resolved_at: None,
        over_at: None,
        system_count: 0,
        tenant_count: 0,
        probe_at: None,
        probe_count: 0,
        drained_from: None,
        drained_count: 0,
        postmortem: None,
        causes: StringList::default(),
        follow_ups: FollowUpList::default(),
        postmortem_at: None,
        postmortem_by: None,
        created_by: None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, Utc};
    use entity::incident::{IncidentFault, IncidentStatus};
    use entity::incident_system;
    use uuid::Uuid;

    use super::{found, next_status};

    const QUIET: Duration = Duration::seconds(60);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    fn row(failed: Option<i64>, recovered: Option<i64>) -> incident_system::Model {
        incident_system::Model {
            id: Uuid::nil(),
            tenant_id: Uuid::nil(),
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
        let mut incident = found("api.example.com", IncidentFault::Unavailable, &[], at(0));
        (incident.status, incident.status_at) = (status, at(since));
        next_status(&incident, rows, QUIET, at(now))
    }

    #[test]
    fn it_is_watched_when_one_answers_after_the_last_failure_and_over_when_nothing_fails_for_a_while() {
        use IncidentStatus::{Identified, Investigating, Monitoring, Resolved};
        let down = [row(Some(10), None), row(Some(12), None)];
        assert_eq!(next(Investigating, 0, &down, 500), None, "nobody has seen it answer");
        let one_back = [row(Some(10), Some(20)), row(Some(12), None)];
        assert_eq!(next(Investigating, 0, &one_back, 20), Some(Monitoring));
        assert_eq!(next(Identified, 15, &one_back, 20), Some(Monitoring));
        assert_eq!(next(Monitoring, 20, &one_back, 79), None);
        assert_eq!(next(Monitoring, 20, &one_back, 80), Some(Resolved));
        assert_eq!(next(Resolved, 80, &one_back, 500), None);
    }

    #[test]
    fn what_fails_while_it_is_watched_takes_it_back() {
        use IncidentStatus::{Investigating, Monitoring};
        let again = [row(Some(10), Some(20)), row(Some(30), None)];
        assert_eq!(next(Monitoring, 20, &again, 31), Some(Investigating));
        // One that answers does not outweigh one that failed after it, until that is quiet.
        assert_eq!(next(Investigating, 31, &again, 40), None);
        assert_eq!(next(Investigating, 31, &again, 90), Some(Monitoring));
        let both = [row(Some(10), Some(20)), row(Some(30), Some(35))];
        assert_eq!(next(Investigating, 31, &both, 35), Some(Monitoring));
    }

    #[test]
    fn one_that_somebody_made_and_nothing_failed_of_is_over_when_somebody_says_so() {
        let named = [row(None, None)];
        for status in [IncidentStatus::Investigating, IncidentStatus::Monitoring] {
            assert_eq!(next(status, 0, &named, 5_000), None);
        }
    }
}

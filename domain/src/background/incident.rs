//! How incidents are found, and seen to end: the same trouble at one host for several tenants within minutes is one, later
//! tenants join it, and when the first system answers again it is watched, and over after a quiet time. One process looks at
//! a time, any, without a leader; where nothing fails a look costs two small queries.
//!
//! What is one stands in `detect`, when it is over in `recover`, what goes on then in `drain`, and who tries meanwhile in
//! `probe`. Deliberately absent: whether a system may be used (`circuit`).

mod detect;
mod drain;
mod ended;
mod probe;
mod recover;

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::incident::{self, IncidentStatus};
use entity::{incident_system, system_fault};
use sea_orm::sea_query::Query;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use uuid::Uuid;

use super::Background;
use super::transaction::BatchTx;
use crate::error::{Doing, Result};
use crate::incident::find;

/// Incidents under way that one look takes: more at a time are an outage of our own.
const INCIDENTS_MAX: u64 = 200;
/// Systems in trouble that one look takes, those that failed last.
const FAULTS_MAX: u64 = 20_000;
/// Systems of the incidents under way.
const SYSTEMS_MAX: u64 = 50_000;
/// Calls that failed so long ago, in an attempt that has not given up, were a hiccup: longer than a call of a host that hangs
/// and the wait after it take.
const SUSPECTED_MAX: Duration = Duration::seconds(180);
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
        look.leave_alone().await?;
        look.recover().await?;
        let incidents = look.incidents;
        tx.commit().await?;
        for incident in &incidents {
            match self.look_after(incident.id).await {
                Err(error) if error.outage().is_none() => tracing::error!(
                    incident.id = %incident.id, error = super::failed::chain(&error),
                    "what waits for an incident could not go on; the next look tries again"
                ),
                done => done?,
            }
        }
        Ok(incidents.len() as u64)
    }

    /// Deletes what was wrong with systems long ago. Answers with how many rows.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    pub(super) async fn purge_faults(&self) -> Result<u64> {
        let hit = Query::select()
            .column(incident_system::Column::SystemId)
            .from(incident_system::Entity)
            .and_where(incident_system::Column::ResolvedAt.is_null())
            .to_owned();
        let deleted = system_fault::Entity::delete_many()
            .filter(system_fault::Column::LastSeenAt.lt(self.app().clock().now() - FAULT_KEPT))
            // Of those that an incident hits it is not known yet that they answer.
            .filter(system_fault::Column::SystemId.not_in_subquery(hit))
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

    /// What an incident needs besides being looked at: letting go what waited, or a run that tries the system.
    async fn look_after(&self, id: Uuid) -> Result<()> {
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
            // Should they be more, the oldest are what somebody has forgotten to end.
            .order_by_desc(incident::Column::Id)
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
        // What failed while this looked has failed before what follows from it.
        let now = faults.iter().map(|fault| fault.last_seen_at).fold(now, Ord::max);
        let suspected_from = now - SUSPECTED_MAX;
        faults.retain(|fault| fault.tried_by_job_id.is_none() || fault.last_seen_at >= suspected_from);
        Ok(Self { background, tx, now, incidents, hit, faults })
    }
}

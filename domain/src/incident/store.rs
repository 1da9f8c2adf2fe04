//! What background work and staff do to incidents alike: who is hit, who is told, and that one is over.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use entity::incident::{self, IncidentStatus};
use entity::incident_entry::IncidentEntryKind;
use entity::occasion::{self, OccasionKind};
use entity::{incident_system, system_fault};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::door;
use super::timeline::{NewEntry, enter};
use crate::background::circuit::{OPEN_MAX, PROBE_WAIT};
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::insert::{insert_rows, upsert_returning};
use crate::occasion::NewOccasion;

/// Systems that a notice is about besides the first: it names fewer integrations than those have.
const SYSTEMS_TOLD_MAX: usize = 100;
/// A system is hit once by an incident.
const UNLESS_HIT: &str = "ON CONFLICT (incident_id, system_id) DO NOTHING RETURNING id";

/// A system that an incident hits from now on.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) tenant_id: Uuid,
    pub(crate) system_id: Uuid,
    pub(crate) first_seen_at: DateTime<Utc>,
    /// `None` where somebody named it and nothing has failed.
    pub(crate) last_failed_at: Option<DateTime<Utc>>,
}

/// The systems that an incident hits.
#[expect(clippy::disallowed_methods, reason = "of every tenant, for staff and background work")]
pub(crate) async fn systems_of(
    tx: &DatabaseTransaction,
    incident_id: Uuid,
) -> Result<Vec<incident_system::Model>> {
    incident_system::Entity::find()
        .filter(incident_system::Column::IncidentId.eq(incident_id))
        .order_by_asc(incident_system::Column::Id)
        .all(tx)
        .await
        .doing("reading whom an incident hits")
}

/// Adds systems that it does not hit yet, and tells tenants that were not hit before. `known` are the tenants that were, and
/// how many systems there are. Answers with what it has added.
pub(crate) async fn add(
    tx: &DatabaseTransaction,
    incident: &incident::Model,
    (known, systems): (&BTreeSet<Uuid>, usize),
    hits: &[Hit],
    now: DateTime<Utc>,
) -> Result<Vec<incident_system::Model>> {
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let rows = hits.iter().map(|hit| incident_system::Model {
        id: new_id(),
        tenant_id: hit.tenant_id,
        incident_id: incident.id,
        system_id: hit.system_id,
        first_seen_at: hit.first_seen_at,
        last_failed_at: hit.last_failed_at,
        recovered_at: None,
        taken_up_at: None,
        resolved_at: None,
    });
    let mut rows: Vec<incident_system::Model> = rows.collect();
    let doing = "storing whom an incident hits";
    let mut added = BTreeSet::new();
    for row in upsert_returning::<incident_system::Entity>(tx, rows.clone(), UNLESS_HIT, doing).await? {
        let id: Uuid = row.try_get_by_index(0).doing(doing)?;
        added.insert(id);
    }
    rows.retain(|row| added.contains(&row.id));
    if rows.is_empty() {
        return Ok(rows);
    }
    let mut fresh: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !known.contains(&row.tenant_id)) {
        fresh.entry(row.tenant_id).or_default().push(row.system_id);
    }
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    door::update()
        .col_expr(incident::Column::SystemCount, Expr::value(count(systems + rows.len())))
        .col_expr(incident::Column::TenantCount, Expr::value(count(known.len() + fresh.len())))
        .filter(incident::Column::Id.eq(incident.id))
        .exec(tx)
        .await
        .doing("counting whom an incident hits")?;
    let text = format!(
        "Newly hit: {}; tenants that were not hit before: {}.",
        plural(rows.len(), "system"),
        fresh.len()
    );
    enter(tx, incident.id, NewEntry::inside(IncidentEntryKind::Affected, text), now).await?;
    let told = fresh.into_iter().map(|(tenant, systems)| (Some(tenant), systems));
    tell(tx, incident, OccasionKind::IncidentOpened, told, now).await?;
    Ok(rows)
}

/// Tells tenants, each with the systems of theirs that are hit, or with `None` the operator.
pub(crate) async fn tell(
    tx: &DatabaseTransaction,
    incident: &incident::Model,
    kind: OccasionKind,
    whom: impl Iterator<Item = (Option<Uuid>, Vec<Uuid>)>,
    now: DateTime<Utc>,
) -> Result<()> {
    let rows = whom.map(|(tenant_id, systems)| {
        let mut told =
            NewOccasion::new(kind).incident(incident.id).detail("fault", super::choice(incident.fault));
        if let Some(message) = &incident.public_message {
            told = told.detail("publicMessage", message.clone());
        }
        if let Some(first) = systems.first() {
            told = told.system(*first);
        }
        if systems.len() > 1 {
            let others: Vec<String> =
                systems.iter().skip(1).take(SYSTEMS_TOLD_MAX).map(Uuid::to_string).collect();
            told = told.detail("systemIds", others);
        }
        // Of the operator alone: what stands in a tenant's occasion its own notices may show.
        if tenant_id.is_none() {
            told = told.detail("staffTitle", staff_title(kind, &incident.title));
        }
        told.row(tenant_id, now)
    });
    insert_rows::<occasion::Entity>(tx, rows.collect(), "storing occasions").await
}

/// The same to everybody whom it hits, and to the operator.
pub(crate) async fn tell_all(
    tx: &DatabaseTransaction,
    incident: &incident::Model,
    kind: OccasionKind,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut whom: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for row in systems_of(tx, incident.id).await? {
        whom.entry(row.tenant_id).or_default().push(row.system_id);
    }
    let whom = whom.into_iter().map(|(tenant, systems)| (Some(tenant), systems));
    tell(tx, incident, kind, whom.chain([(None, Vec::new())]), now).await
}

/// What staff read above a notice: what is over does not read as if it began.
fn staff_title(kind: OccasionKind, title: &str) -> String {
    match kind {
        OccasionKind::IncidentResolved => format!("Over: {title}"),
        OccasionKind::IncidentUpdated => format!("News: {title}"),
        _ => title.to_owned(),
    }
}

/// Gives an incident another status, unless it is resolved or has it; as `by` said, or by itself. Whether it did.
#[expect(clippy::disallowed_methods, reason = "of every tenant, for staff and background work")]
pub(crate) async fn set_status(
    tx: &DatabaseTransaction,
    incident: &incident::Model,
    status: IncidentStatus,
    by: Option<String>,
    now: DateTime<Utc>,
) -> Result<bool> {
    use incident::Column;
    let mut update = door::update()
        .col_expr(Column::Status, Expr::value(status))
        .col_expr(Column::StatusAt, Expr::value(now))
        .filter(Column::Id.eq(incident.id))
        .filter(Column::ResolvedAt.is_null())
        .filter(Column::Status.ne(status));
    if matches!(status, IncidentStatus::Monitoring | IncidentStatus::Resolved)
        && incident.drained_from.is_none()
    {
        update = update
            .col_expr(Column::DrainedFrom, Expr::value(Some(now + wait_of(incident.drain_round))))
            .col_expr(Column::DrainedCount, Expr::value(0))
            .col_expr(Column::DrainRound, Expr::value(incident.drain_round.saturating_add(1)))
            .col_expr(Column::ProbeAt, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::ProbeCount, Expr::value(0));
    }
    if matches!(status, IncidentStatus::Investigating | IncidentStatus::Identified) {
        update = update.col_expr(Column::DrainedFrom, Expr::value(None::<DateTime<Utc>>));
    }
    if status == IncidentStatus::Resolved {
        update = update.col_expr(Column::ResolvedAt, Expr::value(Some(now)));
    }
    if update.exec(tx).await.doing("storing the status of an incident")?.rows_affected == 0 {
        return Ok(false);
    }
    let entry = NewEntry::public(IncidentEntryKind::Status, Some(status)).by(by);
    enter(tx, incident.id, entry, now).await?;
    if status != IncidentStatus::Resolved {
        return Ok(true);
    }
    let systems = systems_of(tx, incident.id).await?;
    incident_system::Entity::update_many()
        .col_expr(incident_system::Column::ResolvedAt, Expr::value(Some(now)))
        .filter(incident_system::Column::IncidentId.eq(incident.id))
        .exec(tx)
        .await
        .doing("storing that an incident is over")?;
    // What failed before it was over makes no new one.
    for part in systems.chunks(10_000) {
        system_fault::Entity::delete_many()
            .filter(system_fault::Column::SystemId.is_in(part.iter().map(|row| row.system_id)))
            .filter(system_fault::Column::Fault.eq(incident.fault))
            .exec(tx)
            .await
            .doing("forgetting what was wrong with systems")?;
    }
    tell_all(tx, incident, OccasionKind::IncidentResolved, now).await?;
    Ok(true)
}

/// How long what waits goes on waiting after it has gone on in vain so often: the first time not at all.
fn wait_of(rounds: i32) -> Duration {
    let rounds = u32::try_from(rounds).unwrap_or(0);
    match rounds {
        0 => Duration::zero(),
        _ => {
            let wait = PROBE_WAIT.checked_mul(2_i32.saturating_pow(Ord::min(rounds, 16)));
            wait.map_or(OPEN_MAX, |wait| Ord::min(wait, OPEN_MAX))
        }
    }
}

/// `1 system`, `2 systems`.
pub(crate) fn plural(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::wait_of;

    #[test]
    fn what_goes_on_in_vain_waits_longer_each_time_and_a_quarter_of_an_hour_at_most() {
        let seconds: Vec<i64> = (0..9).map(|rounds| wait_of(rounds).num_seconds()).collect();
        assert_eq!(seconds, [0, 10, 20, 40, 80, 160, 320, 640, 900]);
        assert_eq!(wait_of(i32::MAX).num_seconds(), 900);
    }
}

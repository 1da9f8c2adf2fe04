//! What background work and staff do to incidents alike: who is hit, who is told, and that one is over.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use entity::incident::{self, IncidentStatus};
use entity::incident_entry::IncidentEntryKind;
use entity::occasion::{self, OccasionKind};
use entity::{incident_system, system_fault};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::door;
use super::timeline::{NewEntry, enter};
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::insert::insert_rows;
use crate::occasion::NewOccasion;

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

/// Adds systems, and tells tenants that were not hit before. `known` are the tenants that were, and how many systems there
/// are.
pub(crate) async fn add(
    tx: &DatabaseTransaction,
    incident: &incident::Model,
    (known, systems): (&BTreeSet<Uuid>, usize),
    hits: &[Hit],
    now: DateTime<Utc>,
) -> Result<()> {
    if hits.is_empty() {
        return Ok(());
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
    insert_rows::<incident_system::Entity>(tx, rows.collect(), "storing whom an incident hits").await?;
    let mut fresh: BTreeMap<Uuid, Uuid> = BTreeMap::new();
    for hit in hits.iter().filter(|hit| !known.contains(&hit.tenant_id)) {
        fresh.entry(hit.tenant_id).or_insert(hit.system_id);
    }
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    door::update()
        .col_expr(incident::Column::SystemCount, Expr::value(count(systems + hits.len())))
        .col_expr(incident::Column::TenantCount, Expr::value(count(known.len() + fresh.len())))
        .filter(incident::Column::Id.eq(incident.id))
        .exec(tx)
        .await
        .doing("counting whom an incident hits")?;
    let text = format!(
        "Newly hit: {}; tenants that were not hit before: {}.",
        plural(hits.len(), "system"),
        fresh.len()
    );
    enter(tx, incident.id, NewEntry::inside(IncidentEntryKind::Affected, text), now).await?;
    let told = fresh.iter().map(|(tenant, system)| (Some(*tenant), Some(*system)));
    tell(tx, incident, OccasionKind::IncidentOpened, told, now).await
}

/// Tells tenants, each with the system of theirs that is hit, or with `None` the operator.
pub(crate) async fn tell(
    tx: &DatabaseTransaction,
    incident: &incident::Model,
    kind: OccasionKind,
    whom: impl Iterator<Item = (Option<Uuid>, Option<Uuid>)>,
    now: DateTime<Utc>,
) -> Result<()> {
    let rows = whom.map(|(tenant_id, system_id)| {
        let mut told =
            NewOccasion::new(kind).incident(incident.id).detail("fault", super::choice(incident.fault));
        if let Some(message) = &incident.public_message {
            told = told.detail("publicMessage", message.clone());
        }
        if let Some(system_id) = system_id {
            told = told.system(system_id);
        }
        // Of the operator alone: what stands in a tenant's occasion its own notices may show.
        if tenant_id.is_none() {
            told = told.detail("staffTitle", incident.title.clone());
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
    let mut whom: BTreeMap<Uuid, Uuid> = BTreeMap::new();
    for row in systems_of(tx, incident.id).await? {
        whom.entry(row.tenant_id).or_insert(row.system_id);
    }
    let whom = whom.into_iter().map(|(tenant, system)| (Some(tenant), Some(system)));
    tell(tx, incident, kind, whom.chain([(None, None)]), now).await
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
            .col_expr(Column::DrainedFrom, Expr::value(Some(now)))
            .col_expr(Column::DrainedCount, Expr::value(0))
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

/// `1 system`, `2 systems`.
pub(crate) fn plural(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

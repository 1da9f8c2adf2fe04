//! Which incident a group of failures belongs to: one under way that hits the system which the group's code speaks of.

use std::collections::HashMap;

use entity::{failure_group, incident, incident_system, integration};
use sea_orm::ColumnTrait;
use uuid::Uuid;

use super::{Incident, fault, views};
use crate::actor::Actor;
use crate::error::Result;
use crate::permission::{Audience, Permission};

/// The incident of each of these groups that belongs to one, in a few statements.
///
/// # Errors
/// Denied without `incidents:read` or `failures:read`.
pub async fn of_groups(actor: &Actor, groups: &[Uuid]) -> Result<HashMap<Uuid, Incident>> {
    let scope = actor.authorize(Permission::IncidentRead)?;
    actor.require(Permission::FailureRead)?;
    let groups: Vec<(Uuid, String, Uuid)> = scope
        .find::<failure_group::Entity>()
        .filter(failure_group::Column::Id.is_in(groups.iter().copied()))
        .tuples([
            failure_group::Column::Id,
            failure_group::Column::Code,
            failure_group::Column::IntegrationId,
        ])
        .await?;
    let groups: Vec<(Uuid, String, Uuid)> =
        groups.into_iter().filter(|(_, code, _)| concerns(code)).collect();
    if groups.is_empty() {
        return Ok(HashMap::new());
    }
    let ends: Vec<(Uuid, Uuid, Uuid)> = scope
        .find::<integration::Entity>()
        .filter(integration::Column::Id.is_in(groups.iter().map(|(.., integration)| *integration)))
        .tuples([integration::Column::Id, integration::Column::SourceId, integration::Column::DestinationId])
        .await?;
    let ends: HashMap<Uuid, (Uuid, Uuid)> =
        ends.into_iter().map(|(id, source, destination)| (id, (source, destination))).collect();
    let system_of = |code: &str, integration: &Uuid| {
        let (source, destination) = ends.get(integration)?;
        Some(if code.starts_with("source.") { *source } else { *destination })
    };
    let systems: Vec<Uuid> =
        groups.iter().filter_map(|(_, code, integration)| system_of(code, integration)).collect();
    let hit: Vec<(Uuid, Uuid)> = scope
        .find::<incident_system::Entity>()
        .filter(incident_system::Column::SystemId.is_in(systems))
        .filter(incident_system::Column::ResolvedAt.is_null())
        .tuples([incident_system::Column::SystemId, incident_system::Column::IncidentId])
        .await?;
    if hit.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = scope
        .find_shared::<incident::Entity>()
        .filter(incident::Column::Id.is_in(hit.iter().map(|(_, incident)| *incident)))
        .all()
        .await?;
    let rows: HashMap<Uuid, incident::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let of = |code: &str, integration: &Uuid| {
        let system = system_of(code, integration)?;
        let incidents = hit.iter().filter(|(of, _)| *of == system).filter_map(|(_, id)| rows.get(id));
        // Of several the oldest, always the same.
        incidents.filter(|row| fault::of_code(code) == Some(row.fault)).min_by_key(|row| row.id)
    };
    let found: Vec<(Uuid, Uuid)> =
        groups.iter().filter_map(|(id, code, integration)| Some((*id, of(code, integration)?.id))).collect();
    let seen = views(actor, &scope, rows.into_values().collect()).await?;
    let seen: HashMap<Uuid, Incident> = seen.into_iter().map(|incident| (incident.id, incident)).collect();
    Ok(found.into_iter().filter_map(|(id, incident)| Some((id, seen.get(&incident)?.clone()))).collect())
}

/// Whether failures of a code can belong to an incident.
fn concerns(code: &str) -> bool {
    fault::of_code(code).is_some()
}

/// What there is to do about a group that belongs to an incident, in the viewer's words; `None` where its code can't, so that
/// nobody need look.
pub fn waiting_for(actor: &Actor, code: &str) -> Option<String> {
    if !concerns(code) || !actor.may(Permission::IncidentRead) {
        return None;
    }
    let message = match actor.audience() {
        Audience::Customer => "incident-wait",
        Audience::Support | Audience::Engineer => "incident-wait-staff",
    };
    Some(actor.language().say(message))
}

//! The systems that an incident hits, each with whose it is: to staff all, to a tenant its own.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::integration::{self, IntegrationStatus};
use entity::{incident_system, system};
use sea_orm::ColumnTrait;
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::Result;
use crate::integration::Integration;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Parent};

/// Integrations that are read for each end of a system.
const INTEGRATIONS_MAX: i32 = 100;

/// A system that an incident hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedSystem {
    /// The row.
    pub id: Uuid,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// The system, which may have been deleted since.
    pub system_id: Uuid,
    /// When it was hit first, or named.
    pub first_seen_at: DateTime<Utc>,
    /// When an attempt failed because of it last.
    pub last_failed_at: Option<DateTime<Utc>>,
    /// Since when it answers again.
    pub recovered_at: Option<DateTime<Utc>>,
}

/// A page of the systems that each incident hits, in one statement.
///
/// # Errors
/// Denied without `incidents:read`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn pages_by_incident(
    actor: &Actor,
    incidents: &[Uuid],
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<AffectedSystem>>> {
    use incident_system::Column;
    let scope = actor.authorize(Permission::IncidentRead)?;
    let order = Keyset { name: "incident_system", column: None, id: Column::Id, direction };
    let pages = scope
        .find::<incident_system::Entity>()
        .pages_by_parent(Parent::by(Column::IncidentId), incidents, &order, &page.check(order.name)?)
        .await?;
    Ok(pages.into_iter().map(|(incident, page)| (incident, page.map(view))).collect())
}

fn view(row: incident_system::Model) -> AffectedSystem {
    AffectedSystem {
        id: row.id,
        tenant_id: row.tenant_id,
        system_id: row.system_id,
        first_seen_at: row.first_seen_at,
        last_failed_at: row.last_failed_at,
        recovered_at: row.recovered_at,
    }
}

/// The integrations that use each of these systems, without archived ones: the first hundred that read it, and the first
/// hundred that write to it.
///
/// # Errors
/// Denied without `integrations:read`.
pub async fn integrations_of_systems(
    actor: &Actor,
    systems: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Integration>>> {
    use integration::Column;
    let scope = actor.authorize(Permission::IntegrationRead)?;
    let (name, direction) = ("integration_of_system", Direction::Ascending);
    let order = Keyset { name, column: None, id: Column::Id, direction };
    let first = PageArguments { first: Some(INTEGRATIONS_MAX), ..PageArguments::default() }.check(name)?;
    let mut of: HashMap<Uuid, Vec<Integration>> = HashMap::new();
    for end in [Column::SourceId, Column::DestinationId] {
        let pages = scope
            .find::<integration::Entity>()
            .filter(Column::Status.ne(IntegrationStatus::Archived))
            .pages_by_parent(Parent::of::<system::Entity>(end), systems, &order, &first)
            .await?;
        for (system, page) in pages {
            let rows = of.entry(system).or_default();
            for edge in page.edges {
                if !rows.iter().any(|row| row.id == edge.node.id) {
                    rows.push(edge.node);
                }
            }
        }
    }
    Ok(of)
}

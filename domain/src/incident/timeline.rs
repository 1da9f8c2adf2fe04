//! The timeline of an incident: what was found, done and said. A tenant reads what is meant for those who are hit, and of
//! the operator's people no names.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::incident::IncidentStatus;
use entity::incident_entry::{self, IncidentEntryKind as Kind};
use sea_orm::{ActiveEnum, ConnectionTrait};
use uuid::Uuid;

use super::door;
use crate::actor::Actor;
use crate::authentication::STAFF_NAME;
use crate::error::Result;
use crate::id::new_id;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Parent};

/// Something that happened in an incident, as a viewer reads of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentEntry {
    /// The row.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: Kind,
    /// STATUS: which it has from then on.
    pub status: Option<IncidentStatus>,
    /// In the viewer's words.
    pub text: String,
    /// Who did it; `None` for the program. Staff are not named to a tenant.
    pub actor_name: Option<String>,
    /// Those who are hit read it, too.
    pub is_public: bool,
}

/// An entry about to be stored.
pub(crate) struct NewEntry {
    pub(crate) kind: Kind,
    pub(crate) status: Option<IncidentStatus>,
    pub(crate) text: Option<String>,
    pub(crate) actor_name: Option<String>,
    pub(crate) is_public: bool,
}

impl NewEntry {
    /// Of the program, for staff.
    pub(crate) fn inside(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, status: None, text: Some(text.into()), actor_name: None, is_public: false }
    }

    /// Of the program, for everybody who is hit, in the words of the catalogue.
    pub(crate) fn public(kind: Kind, status: Option<IncidentStatus>) -> Self {
        Self { kind, status, text: None, actor_name: None, is_public: true }
    }

    /// Of a person.
    pub(crate) fn by(self, actor_name: Option<String>) -> Self {
        Self { actor_name, ..self }
    }
}

/// Stores an entry.
pub(crate) async fn enter(
    connection: &impl ConnectionTrait,
    incident_id: Uuid,
    new: NewEntry,
    at: DateTime<Utc>,
) -> Result<()> {
    let NewEntry { kind, status, text, actor_name, is_public } = new;
    let row =
        incident_entry::Model { id: new_id(), incident_id, at, kind, status, text, actor_name, is_public };
    door::insert_entry(connection, row).await
}

/// A page of the timeline of each incident, in one statement.
///
/// # Errors
/// Denied without `incidents:read`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn pages_by_incident(
    actor: &Actor,
    incidents: &[Uuid],
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<IncidentEntry>>> {
    use incident_entry::Column;
    let scope = actor.authorize(Permission::IncidentRead)?;
    let order = Keyset { name: "incident_entry", column: None, id: Column::Id, direction };
    let pages = scope
        .find_shared::<incident_entry::Entity>()
        .pages_by_parent(Parent::by(Column::IncidentId), incidents, &order, &page.check(order.name)?)
        .await?;
    Ok(pages.into_iter().map(|(incident, page)| (incident, page.map(|row| view(actor, row)))).collect())
}

fn view(actor: &Actor, row: incident_entry::Model) -> IncidentEntry {
    let language = actor.language();
    let text = row.text.unwrap_or_else(|| match row.status {
        Some(status) => language.tell("incident-status", [("status", status.to_value().into())]),
        None => language.say("incident-detected"),
    });
    let name = |name: String| if actor.is_staff() { name } else { STAFF_NAME.to_owned() };
    IncidentEntry {
        id: row.id,
        at: row.at,
        kind: row.kind,
        status: row.status,
        text,
        actor_name: row.actor_name.map(name),
        is_public: row.is_public,
    }
}

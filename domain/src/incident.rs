//! Incidents: an outside system that is down for many tenants at once is one thing to look into, to speak of, and to wait
//! for. They are the operator's. A tenant sees those that hit a system of its own, in neutral words, and of whom they hit
//! besides nothing, not even how many.
//!
//! How they are found, and what goes on when the other system is back, stands in `background`.

mod affected;
mod change;
mod door;
pub(crate) mod fault;
mod of_group;
mod postmortem;
pub(crate) mod store;
pub(crate) mod timeline;

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::incident::{self, IncidentFault, IncidentSeverity, IncidentStatus};
use entity::incident_system;
use sea_orm::ColumnTrait;
use sea_orm::sea_query::Query;
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::Result;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Scope};
use crate::words::Language;

pub use self::affected::{
    AffectedSystem, integrations_of_systems, pages_by_incident as affected_by_incident,
};
pub use self::change::{
    IncidentChanges, MESSAGE_CHARS_MAX, NewIncident, SYSTEMS_MAX, add_note, create, resolve, update,
};
pub use self::of_group::{of_groups, waiting_for};
pub use self::postmortem::{NewPostmortem, write as write_postmortem};
pub use self::timeline::{IncidentEntry, pages_by_incident as timeline_by_incident};

pub use entity::incident::FollowUp;

pub(crate) use self::door::{find, insert_unless_open, update as update_rows};

/// When several tenants' trouble is one incident, and when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncidentOptions {
    /// So many tenants, at least 2.
    pub tenants: usize,
    /// Hit within this time of each other.
    pub window: Duration,
    /// How long nothing may fail at a system that answers again before the incident is over.
    pub quiet: Duration,
}

impl Default for IncidentOptions {
    fn default() -> Self {
        Self { tenants: 3, window: Duration::from_secs(600), quiet: Duration::from_secs(60) }
    }
}

/// An incident, as a viewer reads of it. What only staff read is `None` to others.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// The row.
    pub id: Uuid,
    /// One line; to a tenant what the catalogue says of the fault.
    pub title: String,
    /// What those who are hit read.
    pub public_message: String,
    /// How far it is.
    pub status: IncidentStatus,
    /// Since when.
    pub status_at: DateTime<Utc>,
    /// When the first attempt failed; to a tenant, of its own.
    pub started_at: DateTime<Utc>,
    /// When it was found, or somebody said so.
    pub detected_at: DateTime<Utc>,
    /// When it was resolved.
    pub resolved_at: Option<DateTime<Utc>>,
    /// What only staff read.
    pub inside: Option<Inside>,
}

/// What the operator's staff read of an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Inside {
    /// Where the systems are; `None` where somebody named systems.
    pub host: Option<String>,
    /// Connector of the system that was hit first.
    pub connector: Option<String>,
    /// What is wrong there.
    pub fault: IncidentFault,
    /// How bad it is.
    pub severity: IncidentSeverity,
    /// Who leads.
    pub commander: Option<String>,
    /// Tenants that it hits.
    pub tenant_count: i32,
    /// Systems that it hits.
    pub system_count: i32,
    /// Who said that there is one; `None`: it was found.
    pub created_by: Option<String>,
    /// What came of looking back.
    pub postmortem: Option<Postmortem>,
}

/// What came of looking back at an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Postmortem {
    /// Markdown.
    pub body: String,
    /// Why it happened.
    pub causes: Vec<String>,
    /// What is to be done so that it does not again.
    pub follow_ups: Vec<FollowUp>,
    /// When it was written last.
    pub written_at: DateTime<Utc>,
    /// Who wrote it.
    pub written_by: String,
}

/// Which incidents a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IncidentFilter {
    /// One of these.
    pub status: Option<Vec<IncidentStatus>>,
    /// At this host; for staff.
    pub host: Option<String>,
    /// That hit a system of this tenant.
    pub tenant_id: Option<Uuid>,
    /// Whether they are under way.
    pub open: Option<bool>,
}

/// Incidents by id, those that the caller may see.
///
/// # Errors
/// Denied without `incidents:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Incident>> {
    let scope = actor.authorize(Permission::IncidentRead)?;
    let rows = scope
        .find_shared::<incident::Entity>()
        .of_ids(incident::Column::Id, ids.iter().copied())
        .all()
        .await?;
    let seen = views(actor, &scope, rows).await?;
    Ok(seen.into_iter().map(|incident| (incident.id, incident)).collect())
}

/// A page of incidents, by the time they were found.
///
/// # Errors
/// Denied without `incidents:read`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &IncidentFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<Incident>> {
    use incident::Column;
    let scope = actor.authorize(Permission::IncidentRead)?;
    let keyset = Keyset { name: "incident", column: None, id: Column::Id, direction };
    // Whether there is one at a host that is not theirs is nothing for a tenant.
    let host = filter.host.clone();
    let hides_host = host.is_some() && !actor.is_staff();
    let rows = scope
        .find_shared::<incident::Entity>()
        .filter_some(filter.status.clone(), |status| Column::Status.is_in(status))
        .filter_some(host.filter(|_| !hides_host), |host| Column::Host.eq(host))
        .filter_some(hides_host.then_some(Uuid::nil()), |nobody| Column::Id.eq(nobody))
        .filter_some(filter.tenant_id.map(|id| of_tenant(id, scope.contains(id))), |these| {
            Column::Id.in_subquery(these)
        })
        .filter_some(filter.open, |open| {
            if open { Column::ResolvedAt.is_null() } else { Column::ResolvedAt.is_not_null() }
        })
        .page(&keyset, &page.check(keyset.name)?)
        .await?;
    let since = since(actor, &scope, rows.edges.iter().map(|edge| edge.node.id)).await?;
    Ok(rows.map(|row| view(actor, row, &since)))
}

/// The incidents that hit a tenant; none where the caller may not see it.
fn of_tenant(tenant_id: Uuid, is_seen: bool) -> sea_orm::sea_query::SelectStatement {
    let tenant_id = if is_seen { tenant_id } else { Uuid::nil() };
    Query::select()
        .column(incident_system::Column::IncidentId)
        .from(incident_system::Entity)
        .and_where(incident_system::Column::TenantId.eq(tenant_id))
        .to_owned()
}

/// What this viewer may read of rows.
async fn views(actor: &Actor, scope: &Scope, rows: Vec<incident::Model>) -> Result<Vec<Incident>> {
    let since = since(actor, scope, rows.iter().map(|row| row.id)).await?;
    Ok(rows.into_iter().map(|row| view(actor, row, &since)).collect())
}

/// When each of these began for the viewer's own systems, unless it is staff: when it began for others is not theirs to know.
async fn since(
    actor: &Actor,
    scope: &Scope,
    incidents: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, DateTime<Utc>>> {
    use incident_system::Column;
    if actor.is_staff() {
        return Ok(HashMap::new());
    }
    let hit: Vec<(Uuid, DateTime<Utc>)> = scope
        .find::<incident_system::Entity>()
        .filter(Column::IncidentId.is_in(incidents))
        .tuples([Column::IncidentId, Column::FirstSeenAt])
        .await?;
    let mut since: HashMap<Uuid, DateTime<Utc>> = HashMap::new();
    for (incident, at) in hit {
        since.entry(incident).and_modify(|first| *first = Ord::min(*first, at)).or_insert(at);
    }
    Ok(since)
}

/// What staff read of a row.
fn view_inside(actor: &Actor, row: incident::Model) -> Incident {
    view(actor, row, &HashMap::new())
}

/// What this viewer may read of a row.
fn view(actor: &Actor, row: incident::Model, since: &HashMap<Uuid, DateTime<Utc>>) -> Incident {
    let language = actor.language();
    let is_staff = actor.is_staff();
    let started_at = match is_staff {
        true => row.started_at,
        false => since.get(&row.id).copied().unwrap_or(row.detected_at),
    };
    let written = row.postmortem.zip(row.postmortem_at);
    let postmortem = written.map(|(body, written_at)| Postmortem {
        body,
        causes: row.causes.0,
        follow_ups: row.follow_ups.0,
        written_at,
        written_by: row.postmortem_by.unwrap_or_default(),
    });
    Incident {
        id: row.id,
        title: if is_staff { row.title } else { public_title(&language, row.fault) },
        public_message: row
            .public_message
            .unwrap_or_else(|| public_message(&language, row.fault, row.resolved_at.is_some())),
        status: row.status,
        status_at: row.status_at,
        started_at,
        detected_at: row.detected_at,
        resolved_at: row.resolved_at,
        inside: is_staff.then_some(Inside {
            host: row.host,
            connector: row.connector,
            fault: row.fault,
            severity: row.severity,
            commander: row.commander,
            tenant_count: row.tenant_count,
            system_count: row.system_count,
            created_by: row.created_by,
            postmortem,
        }),
    }
}

/// The choice of a message by what is wrong.
fn choice(fault: IncidentFault) -> &'static str {
    match fault {
        IncidentFault::Unavailable => "unavailable",
        IncidentFault::RateLimited => "rate-limited",
    }
}

/// One neutral line.
pub(crate) fn public_title(language: &Language, fault: IncidentFault) -> String {
    language.tell("incident-title", [("fault", choice(fault).into())])
}

/// What those who are hit read until somebody has written something better.
pub(crate) fn public_message(language: &Language, fault: IncidentFault, is_over: bool) -> String {
    if is_over {
        return language.say("incident-over");
    }
    language.tell("incident-message", [("fault", choice(fault).into())])
}

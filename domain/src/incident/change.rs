//! What staff do about an incident: say that there is one, how far it is, what those who are hit read, what was found, and
//! that it is over.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Duration, Utc};
use entity::incident::{self, FollowUpList, IncidentFault, IncidentSeverity, IncidentStatus};
use entity::incident_entry::IncidentEntryKind;
use entity::occasion::OccasionKind;
use entity::string_list::StringList;
use entity::{system, system_fault};
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr};
use sea_orm::{ColumnTrait, DatabaseTransaction, Order, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::door;
use super::fault::{as_in_urls, host_of, part_of_configs};
use super::store::{Hit, add, set_status, tell, tell_all};
use super::timeline::{NewEntry, enter};
use super::{Incident, view_inside};
use crate::actor::Actor;
use crate::audit::{self, Entry, names};
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::identity::unique_violation;
use crate::permission::Permission;
use crate::scope::Scope;
use crate::search;
use crate::validation::{NAME_CHARS_MAX, Problems};

/// Longest public message and note, in characters.
pub const MESSAGE_CHARS_MAX: usize = 4_000;
/// Systems that one call may name, or find at a host.
pub const SYSTEMS_MAX: usize = 1_000;
/// How often as many systems are looked at whether they are at a host.
const PAGES_MAX: usize = 100;
/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 200;

/// An incident that somebody says there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIncident {
    /// One line, for staff.
    pub title: String,
    /// Where the systems are; those that are there now are hit, and others join when they fail.
    pub host: Option<String>,
    /// Systems, of any tenants; nil for ids that can't be read.
    pub system_ids: Vec<Uuid>,
    /// What is wrong.
    pub fault: IncidentFault,
    /// How bad it is.
    pub severity: IncidentSeverity,
    /// What those who are hit read; `None`: what the catalogue says.
    pub public_message: Option<String>,
    /// Who leads.
    pub commander: Option<String>,
}

/// What changes of an incident; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncidentChanges {
    /// How far it is.
    pub status: Option<IncidentStatus>,
    /// How bad it is.
    pub severity: Option<IncidentSeverity>,
    /// One line, for staff.
    pub title: Option<String>,
    /// What those who are hit read; `Some(None)` for what the catalogue says.
    pub public_message: Option<Option<String>>,
    /// Who leads; `Some(None)` for nobody.
    pub commander: Option<Option<String>>,
}

/// Says that there is an incident, at a host or with systems. Those whom it hits are told.
///
/// # Errors
/// Denied without `incidents:manage`. Rejected, all at once: a bad title, host, publicMessage or commander; `REQUIRED` host
/// when neither a host nor a system is named; `NOT_FOUND` systemIds; `LIMIT_REACHED` beyond [`SYSTEMS_MAX`]; `CONFLICT` host
/// when one of the same fault is under way there.
pub async fn create(actor: &Actor, new: NewIncident) -> Result<Incident> {
    let scope = actor.authorize(Permission::IncidentManage)?;
    let app = scope.app();
    let mut problems = Problems::default();
    let title = problems.text("title", &new.title, TITLE_CHARS_MAX);
    let host = new.host.map(|host| checked_host(&mut problems, &host));
    let public_message = checked(&mut problems, "publicMessage", new.public_message);
    let commander = new.commander.map(|name| problems.text("commander", &name, NAME_CHARS_MAX));
    if host.is_none() && new.system_ids.is_empty() {
        problems.add(ProblemCode::Required, "host", "name a host, or at least one system");
    }
    if new.system_ids.len() > SYSTEMS_MAX {
        let message = format!("names {} systems; at most {SYSTEMS_MAX}", new.system_ids.len());
        problems.add(ProblemCode::LimitReached, "systemIds", message);
        problems.check()?;
        return Err(Error::not_found("systemIds", "system"));
    }
    let mut systems = named(&scope, &new.system_ids, &mut problems).await?;
    if let (Some(host), true) = (&host, problems.is_empty()) {
        for row in at_host(&scope, host, &mut problems).await? {
            systems.entry(row.id).or_insert(row);
        }
    }
    problems.check()?;
    let now = app.clock().now();
    // Of what attempts have found lately it is said since when.
    let window = Duration::from_std(app.incidents().window).unwrap_or(Duration::zero());
    let found = scope
        .find::<system_fault::Entity>()
        .filter(system_fault::Column::SystemId.is_in(systems.keys().copied()))
        .filter(system_fault::Column::Fault.eq(new.fault))
        .filter(system_fault::Column::LastSeenAt.gte(now - window));
    let found: Vec<(Uuid, DateTime<Utc>)> =
        found.tuples([system_fault::Column::SystemId, system_fault::Column::FirstSeenAt]).await?;
    let since: HashMap<Uuid, DateTime<Utc>> = found.into_iter().collect();
    let row = incident::Model {
        id: new_id(),
        connector: systems.values().min_by_key(|row| row.id).map(|row| row.connector.clone()),
        host,
        fault: new.fault,
        status: IncidentStatus::Investigating,
        severity: new.severity,
        title,
        public_message,
        commander,
        started_at: since.values().min().map_or(now, |since| Ord::max(*since, now - window)),
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
        drain_round: 0,
        postmortem: None,
        causes: StringList::default(),
        follow_ups: FollowUpList::default(),
        postmortem_at: None,
        postmortem_by: None,
        created_by: Some(actor.own_name().to_owned()),
    };
    let tx = app.across_tenants().begin().await?;
    door::insert(&tx, row.clone()).await.map_err(|error| match unique_violation(&error) {
        Some(_) => Error::conflict("host", "there is an incident of this fault under way at this host"),
        None => error,
    })?;
    let entry = NewEntry::public(IncidentEntryKind::Detected, None).by(Some(actor.own_name().to_owned()));
    enter(&tx, row.id, entry, now).await?;
    let mut hits: Vec<Hit> = systems
        .values()
        .map(|system| Hit {
            tenant_id: system.tenant_id,
            system_id: system.id,
            first_seen_at: since.get(&system.id).copied().unwrap_or(now),
            last_failed_at: None,
        })
        .collect();
    hits.sort_by_key(|hit| hit.system_id);
    add(&tx, &row, (&BTreeSet::new(), 0), &hits, now).await?;
    tell(&tx, &row, OccasionKind::IncidentOpened, [(None, Vec::new())].into_iter(), now).await?;
    commit(tx, actor, row.id, Some(row.title)).await
}

/// Says how far an incident is, how bad, and what those who are hit read. They are told what changed for them.
///
/// # Errors
/// Denied without `incidents:manage`. Rejected, all at once: `NOT_FOUND` incidentId; a bad title, publicMessage or
/// commander; `CONFLICT` status when it is resolved.
pub async fn update(actor: &Actor, id: Uuid, changes: IncidentChanges) -> Result<Incident> {
    use incident::Column;
    let scope = actor.authorize(Permission::IncidentManage)?;
    let app = scope.app();
    let now = app.clock().now();
    let mut problems = Problems::default();
    let title = changes.title.map(|title| problems.text("title", &title, TITLE_CHARS_MAX));
    let message = changes.public_message.map(|message| checked(&mut problems, "publicMessage", message));
    let commander =
        changes.commander.map(|name| name.map(|name| problems.text("commander", &name, NAME_CHARS_MAX)));
    let tx = app.across_tenants().begin().await?;
    let row = found(&tx, id).await?;
    if changes.status.is_some_and(|status| status != row.status) && row.resolved_at.is_some() {
        problems.add(ProblemCode::Conflict, "status", "it is resolved; what comes back is a new one");
    }
    problems.check()?;
    let by = Some(actor.own_name().to_owned());
    let mut after = row.clone();
    let mut rows = door::update().filter(Column::Id.eq(id));
    if let Some(title) = &title {
        after.title.clone_from(title);
        rows = rows.col_expr(Column::Title, Expr::value(title.clone()));
    }
    if let Some(severity) = changes.severity {
        rows = rows.col_expr(Column::Severity, Expr::value(severity));
    }
    if let Some(commander) = &commander {
        rows = rows.col_expr(Column::Commander, Expr::value(commander.clone()));
    }
    if let Some(message) = &message {
        after.public_message.clone_from(message);
        rows = rows.col_expr(Column::PublicMessage, Expr::value(message.clone()));
    }
    let has_columns =
        title.is_some() || changes.severity.is_some() || commander.is_some() || message.is_some();
    if has_columns {
        rows.exec(&tx).await.doing("changing an incident")?;
    }
    let is_said = message.as_ref().is_some_and(|message| *message != row.public_message);
    if is_said && let Some(text) = after.public_message.clone() {
        let said = NewEntry {
            kind: IncidentEntryKind::PublicMessage,
            status: None,
            text: Some(text),
            actor_name: by.clone(),
            is_public: true,
        };
        enter(&tx, id, said, now).await?;
    }
    let moved = match changes.status {
        Some(status) => set_status(&tx, &after, status, by, now).await?,
        None => false,
    };
    let is_over = moved && changes.status == Some(IncidentStatus::Resolved);
    if (moved || is_said) && !is_over && row.resolved_at.is_none() {
        tell_all(&tx, &after, OccasionKind::IncidentUpdated, now).await?;
    }
    let what = names([
        ("status", changes.status.is_some()),
        ("severity", changes.severity.is_some()),
        ("title", title.is_some()),
        ("publicMessage", message.is_some()),
        ("commander", commander.is_some()),
    ]);
    commit(tx, actor, id, Some(what)).await
}

/// Says that an incident is over: those who were hit are told, and what waits goes on, slowly. Twice is once.
///
/// # Errors
/// Denied without `incidents:manage`. Rejected: `NOT_FOUND` incidentId; a note that is too long.
pub async fn resolve(actor: &Actor, id: Uuid, note: Option<String>) -> Result<Incident> {
    let scope = actor.authorize(Permission::IncidentManage)?;
    let app = scope.app();
    let now = app.clock().now();
    let mut problems = Problems::default();
    let note = checked(&mut problems, "note", note);
    problems.check()?;
    let tx = app.across_tenants().begin().await?;
    let row = found(&tx, id).await?;
    let by = Some(actor.own_name().to_owned());
    let is_new = set_status(&tx, &row, IncidentStatus::Resolved, by.clone(), now).await?;
    if let (true, Some(note)) = (is_new, note.clone()) {
        enter(&tx, id, NewEntry::inside(IncidentEntryKind::Note, note).by(by), now).await?;
    }
    commit(tx, actor, id, note).await
}

/// Says something about an incident: to staff, or to everybody whom it hits.
///
/// # Errors
/// Denied without `incidents:manage`. Rejected: `NOT_FOUND` incidentId; a text that is empty or too long.
pub async fn add_note(actor: &Actor, id: Uuid, text: &str, is_public: bool) -> Result<Incident> {
    let scope = actor.authorize(Permission::IncidentManage)?;
    let app = scope.app();
    let mut problems = Problems::default();
    let text = checked(&mut problems, "text", Some(text.to_owned()));
    if text.is_none() {
        problems.add(ProblemCode::Required, "text", "must not be empty");
    }
    problems.check()?;
    let tx = app.across_tenants().begin().await?;
    found(&tx, id).await?;
    let entry = NewEntry {
        kind: IncidentEntryKind::Note,
        status: None,
        text,
        actor_name: Some(actor.own_name().to_owned()),
        is_public,
    };
    enter(&tx, id, entry, app.clock().now()).await?;
    commit(tx, actor, id, is_public.then(|| "public".to_owned())).await
}

/// An incident, locked until the transaction ends.
pub(super) async fn found(tx: &DatabaseTransaction, id: Uuid) -> Result<incident::Model> {
    door::find()
        .filter(incident::Column::Id.eq(id))
        .lock_exclusive()
        .one(tx)
        .await
        .doing("reading an incident")?
        .ok_or_else(|| Error::not_found("incidentId", "incident"))
}

/// Enters it in the audit log, commits, and reads it again.
pub(super) async fn commit(
    tx: DatabaseTransaction,
    actor: &Actor,
    id: Uuid,
    detail: Option<String>,
) -> Result<Incident> {
    let row = door::find()
        .filter(incident::Column::Id.eq(id))
        .one(&tx)
        .await
        .doing("reading an incident")?
        .ok_or_else(|| Error::not_found("incidentId", "incident"))?;
    let entry = Entry::of(None, Some(GlobalId::new(Kind::Incident, id))).detail(detail);
    audit::commit(tx, entry, "committing an incident").await?;
    Ok(view_inside(actor, row))
}

/// A text of several lines, trimmed; `None` for one that is empty.
pub(super) fn checked(problems: &mut Problems, field: &str, text: Option<String>) -> Option<String> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match &text {
        Some(text) if text.chars().count() > MESSAGE_CHARS_MAX => {
            let message = format!("has more than {MESSAGE_CHARS_MAX} characters");
            problems.add(ProblemCode::TooLong, field, message);
        }
        Some(text) if text.contains('\0') => {
            problems.add(ProblemCode::Invalid, field, "must not contain NUL characters");
        }
        _ => {}
    }
    text
}

/// A host as [`host_of`] writes it.
fn checked_host(problems: &mut Problems, host: &str) -> String {
    let host = problems.text("host", host, NAME_CHARS_MAX);
    let read = as_in_urls(&host);
    if read.is_none() && !host.is_empty() {
        let message = "must be a host, with a port where it is not the usual one: `api.example.com`";
        problems.add(ProblemCode::Invalid, "host", message);
    }
    read.unwrap_or_default()
}

async fn named(scope: &Scope, ids: &[Uuid], problems: &mut Problems) -> Result<HashMap<Uuid, system::Model>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = scope.find::<system::Entity>().of_ids(system::Column::Id, ids.iter().copied()).all().await?;
    let rows: HashMap<Uuid, system::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    problems.missing("systemIds", ids, |id| rows.contains_key(&id), "system");
    Ok(rows)
}

/// The systems that are at a host, by what their configs say.
async fn at_host(scope: &Scope, host: &str, problems: &mut Problems) -> Result<Vec<system::Model>> {
    let part = LikeExpr::new(search::pattern(part_of_configs(host))).escape('\\');
    let (mut found, mut after) = (Vec::new(), Uuid::nil());
    for _ in 0..PAGES_MAX {
        let rows = scope
            .find::<system::Entity>()
            .filter(Expr::cust("LOWER(CAST(config AS text))").like(part.clone()))
            .filter(system::Column::Id.gt(after))
            .order_by(system::Column::Id, Order::Asc)
            .limit(SYSTEMS_MAX as u64)
            .all()
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        let is_there = |row: &system::Model| host_of(&row.connector, &row.config).as_deref() == Some(host);
        found.extend(rows.into_iter().filter(is_there));
        if found.len() > SYSTEMS_MAX {
            let message =
                format!("has more than {SYSTEMS_MAX} systems; leave it to them to fail, or name some");
            problems.add(ProblemCode::LimitReached, "host", message);
            return Ok(Vec::new());
        }
    }
    Ok(found)
}

//! Groups of failures: what fails for one cause, how often, who acts next, and what was decided about it. How failures come
//! into groups stands in `background`.

pub(crate) mod activity;
mod assignment;
pub(crate) mod cause;
mod decision;
mod merge;
mod series;
mod standing;
pub(crate) mod state;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::failure::{FailureCategory, FailureStage, Impact, ResponsibleParty};
use entity::failure_group::{self, FailureGroupStatus};
use entity::integration;
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Query, SelectStatement, UnionType};
use uuid::Uuid;

use crate::actor::Actor;
use crate::catalogue;
use crate::change::{Change, ChangeKind};
use crate::contact;
use crate::error::Result;
use crate::failure::redaction;
use crate::impact;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::retry::MALFORMED;
use crate::scope::{Keyset, Parent, Scope, ScopedSelect};
use crate::words::Language;

pub use self::activity::{FailureGroupActivity, pages_by_group as activity_pages_by_group};
pub use self::assignment::assign;
pub(crate) use self::assignment::{assigned, begun};
pub use self::decision::{
    NOTE_CHARS_MAX, Snooze, acknowledge, comment, hand_over, ignore, reopen, resolve, snooze,
};
pub use self::merge::merge;
pub use self::series::{FailureGroupHour, SERIES_HOURS_MAX, SERIES_POINTS_MAX, series};
pub(crate) use self::series::{HOURS_KEPT_DAYS, add_hours};
pub(crate) use self::standing::{Standing, handed_over, standings};

/// Codes of records, beside those that say so.
const OF_RECORDS: [&str; 6] = [
    "destination.rejected",
    "destination.conflict",
    "destination.removal_refused",
    "reconciliation.missing",
    "reconciliation.different",
    "reconciliation.extra",
];

/// A group, as a viewer reads of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FailureGroup {
    /// The row.
    pub id: Uuid,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// The integration.
    pub integration_id: Uuid,
    /// Name of the stream; `None` for failures of runs as a whole.
    pub stream: Option<String>,
    /// Of the error catalogue.
    pub code: String,
    /// Why it happens.
    pub category: FailureCategory,
    /// Where in the pipeline.
    pub stage: FailureStage,
    /// The field of the records.
    pub field_path: Option<String>,
    /// The rule that it broke.
    pub rule: Option<String>,
    /// In the customer's words.
    pub summary: String,
    /// What this viewer can do.
    pub suggested_action: String,
    /// What the outside system said; audience ENGINEER.
    pub reason: Option<String>,
    /// How far it is.
    pub status: FailureGroupStatus,
    /// When that changed.
    pub status_at: DateTime<Utc>,
    /// Who acts next; of the operator a tenant reads no more than that it is the operator.
    pub responsible_party: ResponsibleParty,
    /// How much depends on it.
    pub impact: Impact,
    /// What is at stake with its records together, as a decimal number.
    pub value_at_stake: Option<String>,
    /// When the first failed.
    pub first_seen_at: DateTime<Utc>,
    /// When one failed last.
    pub last_seen_at: DateTime<Utc>,
    /// How many there have been.
    pub failure_count: i64,
    /// In how many runs.
    pub run_count: i64,
    /// Snoozed until this time.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// Snoozed until so many there have been.
    pub snoozed_until_count: Option<i64>,
    /// Snoozed until an hour has so many.
    pub snoozed_until_hour_count: Option<i64>,
    /// When it was resolved.
    pub resolved_at: Option<DateTime<Utc>>,
    /// The group that it was merged into.
    pub merged_into_id: Option<Uuid>,
    /// Who has it; one of the operator's is nobody to a tenant.
    pub assignee_id: Option<Uuid>,
    /// Whether this viewer may decide about it, who acts next on it or is of the operator.
    pub viewer_can_decide: bool,
    /// Fields that are null only because this viewer may not see them: name and reason.
    pub redactions: Vec<(&'static str, String)>,
}

/// Which groups a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FailureGroupFilter {
    /// One of these.
    pub status: Option<Vec<FailureGroupStatus>>,
    /// One of these.
    pub category: Option<Vec<FailureCategory>>,
    /// One of these; `SUPPORT` and `ENGINEERING` are the same where a tenant asks.
    pub responsible_party: Option<Vec<ResponsibleParty>>,
    /// One of these.
    pub code: Option<Vec<String>>,
    /// Of this integration.
    pub integration_id: Option<Uuid>,
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// Assigned to this contact.
    pub assignee_id: Option<Uuid>,
    /// Assigned to a contact that is the viewer.
    pub assigned_to_me: bool,
}

/// Orders of a list of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum FailureGroupOrder {
    /// By the time of the last failure.
    #[default]
    LastSeenAt,
    /// By the number of failures.
    FailureCount,
    /// By how much depends on them and how many there are lately.
    Urgency,
}

/// By what the groups of a list nest under a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureGroupParent {
    /// Those of each tenant.
    Tenant,
    /// Those of each integration.
    Integration,
}

pub(crate) fn keyset(order: FailureGroupOrder, direction: Direction) -> Keyset<failure_group::Entity> {
    use failure_group::Column;
    let (name, column) = match order {
        FailureGroupOrder::LastSeenAt => ("failure_group", Column::LastSeenAt),
        FailureGroupOrder::FailureCount => ("failure_group.count", Column::FailureCount),
        FailureGroupOrder::Urgency => ("failure_group.urgency", Column::Urgency),
    };
    Keyset { name, column: Some(column), id: Column::Id, direction }
}

async fn filtered(
    actor: &Actor,
    scope: &Scope,
    filter: &FailureGroupFilter,
) -> Result<ScopedSelect<failure_group::Entity>> {
    use failure_group::Column;
    let assignees = match (filter.assignee_id, filter.assigned_to_me) {
        (None, false) => None,
        (id, of_viewer) => Some(contact::meant(actor, scope, id, of_viewer).await?),
    };
    Ok(scope
        .find::<failure_group::Entity>()
        // One that is only being made, and one that is a part of another.
        .filter(Column::FailureCount.gt(0))
        .filter(Column::MergedIntoId.is_null())
        .filter_some(filter.status.clone(), |status| Column::Status.is_in(status))
        .filter_some(filter.category.clone(), |category| Column::Category.is_in(category))
        .filter_some(filter.responsible_party.as_deref(), |parties| {
            Column::ResponsibleParty.is_in(meant_parties(scope, parties))
        })
        .filter_some(filter.code.clone(), |code| Column::Code.is_in(code))
        .of_tenant(filter.tenant_id)
        .under::<integration::Entity>(Column::IntegrationId, filter.integration_id)
        .filter_some(assignees, |ids| Column::AssigneeId.is_in(ids)))
}

/// Groups by id, those that the caller may see.
///
/// # Errors
/// Denied without `failures:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, FailureGroup>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let rows = scope
        .find::<failure_group::Entity>()
        .of_ids(failure_group::Column::Id, ids.iter().copied())
        .filter(failure_group::Column::FailureCount.gt(0))
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, view(actor, row))).collect())
}

/// A page of groups.
///
/// # Errors
/// Denied without `failures:read`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &FailureGroupFilter,
    order: FailureGroupOrder,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<FailureGroup>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let order = keyset(order, direction);
    let request = page.check(order.name)?;
    let rows = filtered(actor, &scope, filter).await?.page(&order, &request).await?;
    Ok(viewed(actor, rows))
}

/// A page of groups for each parent, in one statement.
///
/// # Errors
/// As [`list`].
pub async fn pages_by_parent(
    actor: &Actor,
    parent: FailureGroupParent,
    parents: &[Uuid],
    filter: &FailureGroupFilter,
    order: FailureGroupOrder,
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<FailureGroup>>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let order = keyset(order, direction);
    let parent = match parent {
        FailureGroupParent::Tenant => Parent::by(failure_group::Column::TenantId),
        FailureGroupParent::Integration => {
            Parent::of::<integration::Entity>(failure_group::Column::IntegrationId)
        }
    };
    let request = page.check(order.name)?;
    let groups = filtered(actor, &scope, filter).await?;
    let pages = groups.pages_by_parent(parent, parents, &order, &request).await?;
    Ok(pages.into_iter().map(|(parent, page)| (parent, viewed(actor, page))).collect())
}

fn viewed(actor: &Actor, page: Page<failure_group::Model>) -> Page<FailureGroup> {
    page.map(|row| view(actor, row))
}

/// Of the operator.
pub(crate) fn is_ours(party: ResponsibleParty) -> bool {
    matches!(party, ResponsibleParty::Support | ResponsibleParty::Engineering)
}

/// Whether failures with this code are of single records.
pub(crate) fn is_of_records(code: &str) -> bool {
    code.starts_with("record.") || OF_RECORDS.contains(&code)
}

/// Who acts next, as a viewer may know. Who of the operator has it is nothing for a tenant: that reads what the catalogue
/// says of the code, whoever it was handed over to.
pub(crate) fn seen_party(actor: &Actor, party: ResponsibleParty, code: &str) -> ResponsibleParty {
    if actor.is_staff() || !is_ours(party) {
        return party;
    }
    let usual = catalogue::entry(code).responsible_party;
    if is_ours(usual) { usual } else { ResponsibleParty::Support }
}

/// A party without regard to a code: to a tenant the operator is its support.
pub(crate) fn outside_party(actor: &Actor, party: ResponsibleParty) -> ResponsibleParty {
    if actor.is_staff() || !is_ours(party) { party } else { ResponsibleParty::Support }
}

/// The parties that a caller's filter means: to a tenant the operator is one.
pub(crate) fn meant_parties(scope: &Scope, parties: &[ResponsibleParty]) -> Vec<ResponsibleParty> {
    let mut meant = parties.to_vec();
    if !scope.is_of_all() && parties.iter().copied().any(is_ours) {
        meant.extend([ResponsibleParty::Support, ResponsibleParty::Engineering]);
    }
    meant
}

/// What this viewer may read of a row.
pub(crate) fn view(actor: &Actor, row: failure_group::Model) -> FailureGroup {
    let language = actor.language();
    let mut redactions = Vec::new();
    let party = seen_party(actor, row.responsible_party, &row.code);
    let may_read_reason = actor.may(Permission::InternalsRead);
    if row.reason.is_some() && !may_read_reason {
        redactions.push(("reason", redaction(actor, &language, "redaction-technical-detail")));
    }
    FailureGroup {
        id: row.id,
        tenant_id: row.tenant_id,
        integration_id: row.integration_id,
        summary: summary(&language, &row),
        suggested_action: suggested_action(actor, &language, &row),
        stream: Some(row.stream).filter(|stream| !stream.is_empty()),
        code: row.code,
        category: row.category,
        stage: row.stage,
        field_path: row.field_path,
        rule: row.rule,
        reason: row.reason.filter(|_| may_read_reason),
        status: row.status,
        status_at: row.status_at,
        responsible_party: party,
        impact: row.impact,
        value_at_stake: row.value_at_stake.map(impact::decimal),
        first_seen_at: row.first_seen_at,
        last_seen_at: row.last_seen_at,
        failure_count: row.failure_count,
        run_count: row.run_count,
        snoozed_until: row.snoozed_until,
        snoozed_until_count: row.snoozed_until_count,
        snoozed_until_hour_count: row.snoozed_until_hour_count,
        resolved_at: row.resolved_at,
        merged_into_id: row.merged_into_id,
        assignee_id: row.assignee_id.filter(|_| actor.may(Permission::ContactRead)),
        viewer_can_decide: actor.may(Permission::FailureGroupManage)
            && row.merged_into_id.is_none()
            && (actor.is_staff() || row.responsible_party == ResponsibleParty::Customer),
        redactions,
    }
}

/// What happens, in the customer's words.
fn summary(language: &Language, row: &failure_group::Model) -> String {
    let subject = match row.stream.as_str() {
        "" => language.say("subject-run"),
        stream if is_of_records(&row.code) => language.tell("group-record", [("stream", stream.into())]),
        stream if row.code == MALFORMED => language.tell("group-malformed", [("stream", stream.into())]),
        stream => language.tell("group-run", [("stream", stream.into())]),
    };
    let text = language.happened(&row.code, &subject);
    match &row.field_path {
        Some(path) if !path.trim_start_matches('/').is_empty() => {
            let field = path.trim_start_matches('/').replace('/', " / ");
            let summary = text.trim_end_matches('.');
            language.tell("group-field", [("summary", summary.into()), ("field", field.as_str().into())])
        }
        _ if text.ends_with('.') => text,
        _ => format!("{text}."),
    }
}

fn suggested_action(actor: &Actor, language: &Language, row: &failure_group::Model) -> String {
    match row.status {
        FailureGroupStatus::Resolved => return language.say("group-resolved"),
        FailureGroupStatus::Ignored => return language.say("group-ignored"),
        _ => {}
    }
    let audience = actor.audience();
    handed_over(language, audience, &row.code, row.responsible_party)
        .unwrap_or_else(|| language.action(&row.code, audience))
}

/// The groups whose failures a group has: itself, and those that were merged into it. A sub-select for `failure.group_id`.
pub(crate) fn members(group_id: Uuid) -> SelectStatement {
    use failure_group::Column;
    let named = |column: Column| {
        Query::select()
            .column(Column::Id)
            .from(failure_group::Entity)
            .and_where(column.eq(group_id))
            .to_owned()
    };
    // Not by OR, for which there would have to be one index.
    named(Column::Id).union(UnionType::All, named(Column::MergedIntoId)).to_owned()
}

/// The change that listeners are told of.
pub(crate) fn changed(row: &failure_group::Model) -> Change {
    let (kind, integration_id) = (ChangeKind::FailureGroup, Some(row.integration_id));
    Change { kind, tenant_id: row.tenant_id, id: row.id, integration_id }
}

/// What was merged into these groups: which into which.
pub(crate) async fn members_of(scope: &Scope, groups: &[Uuid]) -> Result<HashMap<Uuid, Uuid>> {
    use failure_group::Column;
    let rows: Vec<(Uuid, Option<Uuid>)> = scope
        .find::<failure_group::Entity>()
        .filter(Column::MergedIntoId.is_in(groups.iter().copied()))
        .tuples([Column::Id, Column::MergedIntoId])
        .await?;
    Ok(rows.into_iter().filter_map(|(id, into)| Some((id, into?))).collect())
}

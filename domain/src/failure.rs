//! Failures as their viewers may read them.

mod parts;
mod selection;
mod view;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::failure::{
    self, FailureCategory, FailureStage, FailureStatus, Impact, ResponsibleParty, Retryable,
};
use entity::{integration, quarantine, run};
use sea_orm::sea_query::{CaseStatement, Condition, Expr, ExprTrait, LikeExpr, Query, SimpleExpr};
use sea_orm::{ActiveEnum, ColumnTrait, Iterable};
use serde_json::Value;
use uuid::Uuid;

use crate::actor::Actor;
use crate::change::{Change, ChangeKind};
use crate::error::Result;
use crate::failure_group;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::retry::MALFORMED;
use crate::scope::{Keyset, Parent, Scope, ScopedSelect};
use crate::search;

pub use self::parts::FailureParts;
pub use self::selection::{Selection, skip};
pub(crate) use self::selection::{not_open, select};
pub use self::view::clue_redactions;
use self::view::{Beside, groups, view, viewed};
pub(crate) use self::view::{redaction, summary, would_say};
pub use entity::failure::FieldError;

/// A failure as one viewer may read it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Row id.
    pub id: Uuid,
    /// Whose.
    pub tenant_id: Uuid,
    /// Of which integration.
    pub integration_id: Uuid,
    /// Of which run.
    pub run_id: Uuid,
    /// Of which stream.
    pub stream: Option<String>,
    /// Of the page of which quarantine.
    pub quarantine_id: Option<Uuid>,
    /// Of which group; `None` of none that is older than groups.
    pub group_id: Option<Uuid>,
    /// Key of the record in the business's own terms.
    pub business_reference: Option<String>,
    /// How far it is.
    pub status: FailureStatus,
    /// Why.
    pub category: FailureCategory,
    /// Where.
    pub stage: FailureStage,
    /// Of the catalogue.
    pub code: String,
    /// Who acts next.
    pub responsible_party: ResponsibleParty,
    /// Whether a retry can help.
    pub retryable: Retryable,
    /// How much depends on it.
    pub impact: Impact,
    /// What the rule that says so is about.
    pub impact_reason: Option<String>,
    /// What is at stake with the record, as a decimal number.
    pub value_at_stake: Option<String>,
    /// What happened, in the customer's words.
    pub summary: String,
    /// What this viewer can do.
    pub suggested_action: String,
    /// Every rule the record broke.
    pub field_errors: Vec<FieldError>,
    /// How often it was tried.
    pub attempts: i32,
    /// When it failed first.
    pub failed_at: DateTime<Utc>,
    /// When it was last tried.
    pub last_attempt_at: DateTime<Utc>,
    /// When it is tried by itself.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Audience SUPPORT.
    pub http_status: Option<i32>,
    /// Audience ENGINEER.
    pub technical_detail: Option<String>,
    /// The exchange that it came of. Audience ENGINEER.
    pub exchange_id: Option<Uuid>,
    /// The record as read, or as last edited.
    pub record: Option<Value>,
    /// Whether there is one, for whoever may read it.
    pub has_record: bool,
    /// When it was deleted, because it had been kept long enough.
    pub record_removed_at: Option<DateTime<Utc>>,
    /// Fields that are null only because this viewer may not see them: name and reason.
    pub redactions: Vec<(&'static str, String)>,
    /// Whether this viewer can retry it now.
    pub viewer_can_retry: bool,
    /// Whether this viewer can skip it now.
    pub viewer_can_skip: bool,
    /// Whether this viewer can edit and retry it now.
    pub viewer_can_edit: bool,
}

/// Which failures a list, a retry or a skip has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
pub struct FailureFilter {
    /// One of these.
    pub status: Option<Vec<FailureStatus>>,
    /// One of these.
    pub category: Option<Vec<FailureCategory>>,
    /// One of these.
    pub responsible_party: Option<Vec<ResponsibleParty>>,
    /// One of these.
    pub code: Option<Vec<String>>,
    /// Of this integration.
    pub integration_id: Option<Uuid>,
    /// Of this run.
    pub run_id: Option<Uuid>,
    /// Of the page of this quarantine. Not written without, so that keys of calls from before still answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine_id: Option<Uuid>,
    /// Of this group, and of those that were merged into it. Not written without, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<Uuid>,
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// Exactly this business reference.
    pub reference: Option<String>,
    /// One of these business references.
    pub references: Option<Vec<String>>,
    /// Business references that contain this.
    pub reference_part: Option<String>,
    /// Failed at or after.
    pub failed_from: Option<DateTime<Utc>>,
    /// Failed before.
    pub failed_before: Option<DateTime<Utc>>,
}

impl FailureFilter {
    /// As a condition on `failure`, for callers with this scope.
    pub(crate) fn condition(&self, scope: &Scope) -> Condition {
        use failure::Column;
        let mut condition = Condition::all();
        if let Some(status) = &self.status {
            condition = condition.add(Column::Status.is_in(status.iter().copied()));
        }
        if let Some(category) = &self.category {
            condition = condition.add(Column::Category.is_in(category.iter().copied()));
        }
        if let Some(party) = &self.responsible_party {
            condition = condition.add(with_party(&failure_group::meant_parties(scope, party)));
        }
        if let Some(code) = &self.code {
            condition = condition.add(Column::Code.is_in(code.iter().map(String::as_str)));
        }
        if let Some(id) = self.integration_id {
            condition = condition.add(Column::IntegrationId.eq(id));
        }
        if let Some(id) = self.run_id {
            condition = condition.add(Column::RunId.eq(id));
        }
        if let Some(id) = self.quarantine_id {
            condition = condition.add(Column::QuarantineId.eq(id));
        }
        if let Some(id) = self.group_id {
            condition = condition.add(Column::GroupId.in_subquery(failure_group::members(id)));
        }
        if let Some(id) = self.tenant_id {
            condition = condition.add(Column::TenantId.eq(id));
        }
        if let Some(reference) = &self.reference {
            condition = condition.add(Column::BusinessReference.eq(reference.as_str()));
        }
        if let Some(references) = &self.references {
            condition = condition.add(Column::BusinessReference.is_in(references.iter().map(String::as_str)));
        }
        if let Some(part) = &self.reference_part {
            condition = condition.add(
                Expr::col((failure::Entity, Column::BusinessReference))
                    .like(LikeExpr::new(search::pattern(part)).escape('\\')),
            );
        }
        if let Some(at) = self.failed_from {
            condition = condition.add(Column::FailedAt.gte(at));
        }
        if let Some(at) = self.failed_before {
            condition = condition.add(Column::FailedAt.lt(at));
        }
        condition
    }
}

/// Where one of these acts next: who acts on its group does. It is asked of each failure that a list comes to; of EXISTS
/// PostgreSQL would read all groups first.
fn with_party(parties: &[ResponsibleParty]) -> SimpleExpr {
    use entity::failure_group::{Column, Entity};
    let of_group = Query::select()
        .column((Entity, Column::ResponsibleParty))
        .from(Entity)
        .and_where(Expr::col((Entity, Column::TenantId)).equals((failure::Entity, failure::Column::TenantId)))
        .and_where(Expr::col((Entity, Column::Id)).equals((failure::Entity, failure::Column::GroupId)))
        .to_owned();
    let own = Expr::col((failure::Entity, failure::Column::ResponsibleParty));
    let party: Expr = CaseStatement::new()
        .case(failure::Column::GroupId.is_null(), own)
        .finally(Expr::SubQuery(None, Box::new(of_group.into())))
        .into();
    party.is_in(parties.iter().map(ActiveEnum::to_value))
}

/// Orders of a list of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum FailureOrder {
    /// By the time it failed first.
    #[default]
    FailedAt,
    /// By the time it was last tried.
    LastAttemptAt,
}

/// By what the failures of a list nest under a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureParent {
    /// Failures of each tenant.
    Tenant,
    /// Failures of each integration.
    Integration,
    /// Failures of each run.
    Run,
    /// Failures of the page of each quarantine.
    Quarantine,
    /// Failures of each group, and of those that were merged into it.
    Group,
}

/// A list of failures, whatever it stands under: by default of all, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FailureList {
    /// Which.
    pub filter: FailureFilter,
    /// By what they are ordered.
    pub order: FailureOrder,
    /// Up or down.
    pub direction: Direction,
    /// What of each is asked for.
    pub parts: FailureParts,
}

fn keyset(order: FailureOrder, direction: Direction) -> Keyset<failure::Entity> {
    let id = failure::Column::Id;
    match order {
        // Ids are made when the failure is stored, so their order is that of `failed_at`.
        FailureOrder::FailedAt => Keyset { name: "failure", column: None, id, direction },
        FailureOrder::LastAttemptAt => Keyset {
            name: "failure.last_attempt",
            column: Some(failure::Column::LastAttemptAt),
            id,
            direction,
        },
    }
}

/// Whether an index has all that a list asks for in its order: what portals ask for again and again.
fn is_served(list: &FailureList, parent: Option<FailureParent>) -> bool {
    list.filter == FailureFilter::default()
        && list.order == FailureOrder::FailedAt
        && matches!(
            parent,
            None | Some(FailureParent::Tenant | FailureParent::Integration | FailureParent::Run)
        )
}

/// The failures of a list, whatever it stands under.
fn filtered(
    scope: &Scope,
    filter: &FailureFilter,
    order: FailureOrder,
    parent: Option<FailureParent>,
) -> ScopedSelect<failure::Entity> {
    use failure::Column;
    let failures = scope
        .find::<failure::Entity>()
        .of_tenant(filter.tenant_id)
        .under::<run::Entity>(Column::RunId, filter.run_id)
        .under::<quarantine::Entity>(Column::QuarantineId, filter.quarantine_id)
        .under::<integration::Entity>(Column::IntegrationId, filter.integration_id)
        .in_tenant_of::<entity::failure_group::Entity>(filter.group_id)
        .made_within(scope.app(), (Column::FailedAt, Column::Id), filter.failed_from, filter.failed_before);
    let is_within = filter.run_id.or(filter.quarantine_id).is_some()
        || matches!(parent, Some(FailureParent::Run | FailureParent::Quarantine));
    if is_within || order == FailureOrder::LastAttemptAt {
        // One range of one index, in which all else that is asked for is looked for.
        return failures.filter(filter.condition(scope));
    }
    // What no index is asked for.
    let others = FailureFilter {
        category: filter.category.clone(),
        responsible_party: filter.responsible_party.clone(),
        reference_part: filter.reference_part.clone(),
        ..FailureFilter::default()
    };
    let failures = failures
        .one_found(Column::GroupId, filter.group_id.map(failure_group::members), "id")
        .one_of(Column::BusinessReference, filter.reference.clone().map(|one| [one]))
        .one_of(Column::BusinessReference, filter.references.clone())
        .one_of(Column::Status, filter.status.clone())
        .one_of(Column::Code, filter.code.clone())
        .filter(others.condition(scope));
    let is_under = filter.integration_id.or(filter.group_id).is_some()
        || matches!(parent, Some(FailureParent::Integration | FailureParent::Group));
    // Under an integration or a group an index has them by status.
    match filter.status {
        None if is_under => failures.each_of(Column::Status, FailureStatus::iter()),
        _ => failures,
    }
}

/// One failure.
///
/// # Errors
/// Denied without `failures:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<Failure>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let row = scope.find::<failure::Entity>().of_id(failure::Column::Id, id).one().await?;
    let beside = Beside::read(actor, &scope, FailureParts::ALL, groups(row.iter())).await?;
    row.map(|row| view(actor, &beside, row)).transpose()
}

/// Failures by id, those that the caller may see, with what is asked for of them.
///
/// # Errors
/// Denied without `failures:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid], parts: FailureParts) -> Result<HashMap<Uuid, Failure>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let rows = scope
        .find::<failure::Entity>()
        .of_ids(failure::Column::Id, ids.iter().copied())
        .reading(parts.columns(), parts.marks())
        .all()
        .await?;
    let beside = Beside::read(actor, &scope, parts, groups(rows.iter())).await?;
    rows.into_iter().map(|row| Ok((row.id, view(actor, &beside, row)?))).collect()
}

/// A page of failures.
///
/// # Errors
/// Denied without `failures:read`; [`Error::Argument`] for a bad page.
pub async fn list(actor: &Actor, list: &FailureList, page: &PageArguments) -> Result<Page<Failure>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let failures = filtered(&scope, &list.filter, list.order, None)
        .reading(list.parts.columns(), list.parts.marks())
        .planned_once_if(is_served(list, None));
    let order = keyset(list.order, list.direction);
    let page = failures.page(&order, &page.check(order.name)?).await?;
    let of_page = groups(page.edges.iter().map(|edge| &edge.node));
    let beside = Beside::read(actor, &scope, list.parts, of_page).await?;
    viewed(actor, &beside, page)
}

/// A page of failures for each parent, in one statement.
///
/// # Errors
/// As [`list`].
pub async fn pages_by_parent(
    actor: &Actor,
    parent: FailureParent,
    parents: &[Uuid],
    list: &FailureList,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<Failure>>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let failures = filtered(&scope, &list.filter, list.order, Some(parent))
        .reading(list.parts.columns(), list.parts.marks())
        .planned_once_if(is_served(list, Some(parent)));
    let order = keyset(list.order, list.direction);
    let under = match parent {
        FailureParent::Tenant => Parent::by(failure::Column::TenantId),
        FailureParent::Integration => Parent::of::<integration::Entity>(failure::Column::IntegrationId),
        FailureParent::Run => Parent::of::<run::Entity>(failure::Column::RunId),
        FailureParent::Quarantine => Parent::of::<quarantine::Entity>(failure::Column::QuarantineId),
        FailureParent::Group => Parent::of::<entity::failure_group::Entity>(failure::Column::GroupId),
    };
    let request = page.check(order.name)?;
    let members = match parent {
        FailureParent::Group => failure_group::members_of(&scope, parents).await?,
        _ => HashMap::new(),
    };
    let all: Vec<Uuid> = parents.iter().chain(members.keys()).copied().collect();
    let mut pages = failures.pages_by_parent(under, &all, &order, &request).await?;
    // Those of a group that was merged into another are that one's.
    for (member, into) in members {
        // Who asks for that one as well reads in it what is its own.
        let page = match parents.contains(&member) {
            true => pages.get(&member).cloned(),
            false => pages.remove(&member),
        };
        let Some(page) = page else { continue };
        let joined = match pages.remove(&into) {
            Some(own) => order.join(own, page, &request),
            None => page,
        };
        pages.insert(into, joined);
    }
    let of_pages = groups(pages.values().flat_map(|page| page.edges.iter().map(|edge| &edge.node)));
    let beside = Beside::read(actor, &scope, list.parts, of_pages).await?;
    pages.into_iter().map(|(parent, page)| Ok((parent, viewed(actor, &beside, page)?))).collect()
}

/// Whether the failure is of a run as a whole, and not of one record.
pub(crate) fn is_whole(row: &failure::Model) -> bool {
    row.record_key.is_none()
        && row.position.is_none()
        && row.record.is_none()
        && row.record_removed_at.is_none()
}

/// Whether what is stored can be written again; of something malformed it is the raw text, until it is edited.
pub(crate) fn is_record(row: &failure::Model) -> bool {
    row.edited_record.is_some() || (row.record.is_some() && row.code != MALFORMED)
}

/// Whether a retry removes its record, of which nothing but the key is known.
pub(crate) fn is_removal(row: &failure::Model) -> bool {
    row.code == crate::reconciliation::RECONCILIATION_EXTRA
}

/// The change that listeners are told of.
pub(crate) fn changed(tenant_id: Uuid, id: Uuid, integration_id: Uuid) -> Change {
    Change { kind: ChangeKind::Failure, tenant_id, id, integration_id: Some(integration_id) }
}

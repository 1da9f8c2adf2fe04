//! The history of a group: what people and the program did with it, and what people say about it. A tenant reads what is
//! meant for it, and not who of the operator's people did something.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::failure::ResponsibleParty;
use entity::failure_group::{self, FailureGroupStatus};
use entity::failure_group_activity::{self, FailureGroupActivityKind as Kind};
use entity::run_event::Audience;
use sea_orm::ColumnTrait;
use uuid::Uuid;

use super::{changed, outside_party};
use crate::actor::Actor;
use crate::authentication::STAFF_NAME;
use crate::error::Result;
use crate::escalation::follow::follow;
use crate::id::new_id;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::run_event::readable;
use crate::scope::{Keyset, Parent, TxScope};

/// Something that was done with a group, as a viewer reads of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureGroupActivity {
    /// The row.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: Kind,
    /// Who may read it.
    pub audience: Audience,
    /// Who did it; `None` for the program. Staff are not named to a tenant.
    pub actor_name: Option<String>,
    /// The status before.
    pub from_status: Option<FailureGroupStatus>,
    /// The status after.
    pub to_status: Option<FailureGroupStatus>,
    /// Who acted before.
    pub from_party: Option<ResponsibleParty>,
    /// Who acts now.
    pub to_party: Option<ResponsibleParty>,
    /// The comment, the reason, or what was said with it.
    pub note: Option<String>,
    /// Who has it now, of an assignment; `None` for nobody.
    pub assignee_name: Option<String>,
    /// The rule that did it.
    pub rule_name: Option<String>,
}

/// What is done with a group.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Its status changes; from `None` when it begins.
    Status { from: Option<FailureGroupStatus>, to: FailureGroupStatus },
    /// Another party acts next.
    HandOver { from: ResponsibleParty, to: ResponsibleParty },
    /// Groups become one.
    Merge,
    /// Somebody says something.
    Comment,
    /// Somebody of this name has it now, or nobody.
    Assign(Option<String>),
}

/// An entry of the history, about to be stored.
#[derive(Clone, Debug)]
pub(crate) struct NewActivity {
    change: Change,
    audience: Audience,
    actor: Option<(String, bool)>,
    note: Option<String>,
    /// The rule that did it, and whether it is the operator's.
    rule: Option<(String, bool)>,
}

impl NewActivity {
    /// Of the program, for everybody.
    pub(crate) fn by_itself(change: Change) -> Self {
        Self { change, audience: Audience::Customer, actor: None, note: None, rule: None }
    }

    /// Of a rule, for everybody; to a tenant one of the operator's has no name.
    pub(crate) fn by_rule(change: Change, rule: Option<String>, is_operators: bool) -> Self {
        Self { rule: rule.map(|name| (name, is_operators)), ..Self::by_itself(change) }
    }

    /// Of a caller, for everybody.
    pub(crate) fn by(actor: &Actor, change: Change, note: Option<String>) -> Self {
        let name = (actor.own_name().to_owned(), actor.is_staff());
        Self { change, audience: Audience::Customer, actor: Some(name), note, rule: None }
    }

    /// Of the program, with a note.
    pub(crate) fn noted(change: Change, note: String) -> Self {
        Self { note: Some(note), ..Self::by_itself(change) }
    }

    /// For this audience and those behind it.
    pub(crate) fn for_audience(self, audience: Audience) -> Self {
        Self { audience, ..self }
    }

    /// The row of it.
    pub(crate) fn row(
        self,
        group: &failure_group::Model,
        now: DateTime<Utc>,
    ) -> failure_group_activity::Model {
        let NewActivity { change, audience, actor, note, rule } = self;
        let (rule_name, is_operators) = rule.map_or((None, false), |(name, is_ours)| (Some(name), is_ours));
        let (actor_name, is_by_staff) = match actor {
            Some((name, is_staff)) => (Some(name), is_staff),
            None => (None, is_operators),
        };
        let mut row = failure_group_activity::Model {
            id: new_id(),
            tenant_id: group.tenant_id,
            group_id: group.id,
            at: now,
            kind: Kind::Comment,
            audience,
            actor_name,
            is_by_staff,
            from_status: None,
            to_status: None,
            from_party: None,
            to_party: None,
            note,
            assignee_name: None,
            rule_name,
        };
        match change {
            Change::Status { from, to } => {
                (row.kind, row.from_status, row.to_status) = (Kind::Status, from, Some(to));
            }
            Change::HandOver { from, to } => {
                (row.kind, row.from_party, row.to_party) = (Kind::HandOver, Some(from), Some(to));
            }
            Change::Merge => row.kind = Kind::Merge,
            Change::Comment => {}
            Change::Assign(name) => (row.kind, row.assignee_name) = (Kind::Assign, name),
        }
        row
    }
}

/// Stores an entry, lets escalation follow, and tells listeners that the group has changed. `group` is as it was before.
pub(crate) async fn record(
    tx: &mut TxScope,
    group: &failure_group::Model,
    activity: NewActivity,
) -> Result<()> {
    let is_by_staff = activity.actor.as_ref().map(|(_name, is_staff)| *is_staff);
    let (change, audience) = (activity.change.clone(), activity.audience);
    store(tx, group, activity).await?;
    follow(tx, group, &change, audience, is_by_staff).await?;
    tx.tell_after_commit(changed(group));
    Ok(())
}

/// Stores an entry, and nothing else.
pub(crate) async fn store(tx: &TxScope, group: &failure_group::Model, activity: NewActivity) -> Result<()> {
    let row = activity.row(group, tx.app().clock().now());
    tx.insert::<failure_group_activity::Entity>(row, "storing what was done with a group").await?;
    Ok(())
}

fn keyset(direction: Direction) -> Keyset<failure_group_activity::Entity> {
    let id = failure_group_activity::Column::Id;
    Keyset { name: "failure_group_activity", column: None, id, direction }
}

/// A page of the history of each group, in one statement.
///
/// # Errors
/// Denied without `failures:read`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn pages_by_group(
    actor: &Actor,
    groups: &[Uuid],
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<FailureGroupActivity>>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let order = keyset(direction);
    let pages = scope
        .find::<failure_group_activity::Entity>()
        .filter(failure_group_activity::Column::Audience.is_in(readable(actor.audience())))
        .pages_by_parent(
            Parent::of::<failure_group::Entity>(failure_group_activity::Column::GroupId),
            groups,
            &order,
            &page.check(order.name)?,
        )
        .await?;
    Ok(pages.into_iter().map(|(group, page)| (group, page.map(|row| view(actor, row)))).collect())
}

fn view(actor: &Actor, row: failure_group_activity::Model) -> FailureGroupActivity {
    let is_hidden = row.is_by_staff && !actor.is_staff();
    let party = |party: Option<ResponsibleParty>| party.map(|party| outside_party(actor, party));
    FailureGroupActivity {
        id: row.id,
        at: row.at,
        kind: row.kind,
        audience: row.audience,
        actor_name: if is_hidden { Some(STAFF_NAME.to_owned()) } else { row.actor_name },
        from_status: row.from_status,
        to_status: row.to_status,
        from_party: party(row.from_party),
        to_party: party(row.to_party),
        note: row.note,
        assignee_name: row.assignee_name.filter(|_| actor.may(Permission::ContactRead)),
        rule_name: row.rule_name.filter(|_| !is_hidden),
    }
}

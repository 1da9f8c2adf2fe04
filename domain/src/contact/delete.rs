//! Deleting contacts. One that something names is deleted only with another in its place: nothing is left without somebody by
//! accident. Groups that are over have whoever they have, and let go of it.

use entity::failure_group::{self, FailureGroupStatus};
use entity::run_event::Audience;
use entity::{contact, failure_group_activity, integration_contact, ownership_rule};
use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::change::entry;
use super::{Contact, door, found, owned_by};
use crate::actor::Actor;
use crate::app::App;
use crate::change::journal;
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::escalation::is_over;
use crate::failure_group::activity::{Change, NewActivity};
use crate::failure_group::changed;
use crate::insert::insert_rows;
use crate::ownership_rule::reread;
use crate::permission::Permission;
use crate::scope::{Scope, announce};
use crate::system::is_foreign_key_violation;
use crate::validation::Problems;

/// Groups that one transaction takes from a contact: it is over within milliseconds.
const GROUPS_MAX: u64 = 1_000;
/// Transactions of one purge; the next one goes on.
const PURGES_MAX: usize = 10;
/// Groups that nobody has to act on.
const OVER: [FailureGroupStatus; 2] = [FailureGroupStatus::Resolved, FailureGroupStatus::Ignored];

/// Deletes a contact. What names it names `replacement` from then on; without one, groups of failures that are over let go
/// of it.
///
/// # Errors
/// Denied without `contacts:manage`. Rejected: `NOT_FOUND` contactId; `NOT_FOUND` replacementId, of another owner too;
/// `INVALID` replacementId when it is the same; `CONFLICT` contactId while something names it and nobody replaces it.
pub async fn delete(actor: &Actor, id: Uuid, replacement: Option<Uuid>) -> Result<()> {
    let scope = actor.authorize(Permission::ContactManage)?;
    let row = found(&scope, id).await?;
    let other = match replacement {
        Some(other) => Some(successor(&scope, &row, other).await?),
        None => None,
    };
    if other.is_none() {
        check_unused(&scope.app().database().begin_of(row.tenant_id).await?, id).await?;
    }
    let next = other.as_ref().map(|other| other.id);
    // Of groups that are over there may be any number. They go first: nobody misses them should the rest be refused.
    loop {
        let tx = scope.app().database().begin_of(row.tenant_id).await?;
        let moved = give_those_that_are_over(&tx, id, next).await?;
        tx.commit().await.doing("committing who has groups that are over")?;
        if moved < GROUPS_MAX {
            break;
        }
    }

    let tx = scope.app().database().begin_of(row.tenant_id).await?;
    // Before anything else, and in the order in which everybody locks groups.
    let groups = door::find::<failure_group::Entity>()
        .filter(failure_group::Column::AssigneeId.eq(id))
        .order_by_asc(failure_group::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(&tx)
        .await
        .doing("locking the groups of a contact")?;
    match &other {
        Some(other) => {
            replace(&tx, id, other.id).await?;
            tell_history(&tx, actor, &groups, other).await?;
        }
        None => {
            give_those_that_are_over(&tx, id, None).await?;
            check_unused(&tx, id).await?;
        }
    }
    let deleted = door::delete::<contact::Entity>()
        .filter(contact::Column::Id.eq(id))
        .exec(&tx)
        .await
        .doing("deleting a contact");
    match deleted {
        Err(error) if is_foreign_key_violation(&error) => {
            return Err(Error::conflict("contactId", "somebody has just named it; look at it again"));
        }
        deleted => deleted?,
    };
    let detail = match &other {
        Some(other) => format!("{}, replaced by {}", row.name, other.name),
        None => row.name.clone(),
    };
    let changes: Vec<_> = groups.iter().map(changed).collect();
    journal::commit(tx, entry(&row, detail), &changes, "committing the end of a contact").await?;
    announce(scope.app(), changes, Vec::new());
    if row.tenant_id.is_none() {
        reread(scope.app()).await?;
    }
    Ok(())
}

/// Who takes what a contact has: another one of its owner.
async fn successor(scope: &Scope, row: &Contact, id: Uuid) -> Result<Contact> {
    let other = scope
        .find::<contact::Entity>()
        .of_id(contact::Column::Id, id)
        .filter(owned_by(contact::Column::TenantId, row.tenant_id))
        .one()
        .await?
        .ok_or_else(|| Error::not_found("replacementId", "contact"))?;
    let mut problems = Problems::default();
    if other.id == row.id {
        problems.add(ProblemCode::Invalid, "replacementId", "is the contact itself");
    }
    problems.check()?;
    Ok(other)
}

/// Gives some of the groups of a contact that are over to another, or to nobody; answers with how many.
async fn give_those_that_are_over(tx: &DatabaseTransaction, id: Uuid, to: Option<Uuid>) -> Result<u64> {
    use failure_group::Column;
    let these: Vec<Uuid> = door::find::<failure_group::Entity>()
        .select_only()
        .column(Column::Id)
        .filter(Column::AssigneeId.eq(id))
        .filter(Column::Status.is_in(OVER))
        .order_by_asc(Column::Id)
        .limit(GROUPS_MAX)
        .lock(LockType::NoKeyUpdate)
        .into_tuple()
        .all(tx)
        .await
        .doing("locking groups that are over")?;
    give(tx, these, to).await
}

async fn give(tx: &DatabaseTransaction, groups: Vec<Uuid>, to: Option<Uuid>) -> Result<u64> {
    if groups.is_empty() {
        return Ok(0);
    }
    let given = door::update::<failure_group::Entity>()
        .col_expr(failure_group::Column::AssigneeId, Expr::value(to))
        .filter(failure_group::Column::Id.is_in(groups))
        .exec(tx)
        .await
        .doing("taking groups from a contact")?;
    Ok(given.rows_affected)
}

/// That nothing names a contact but groups that are over.
async fn check_unused(tx: &DatabaseTransaction, id: Uuid) -> Result<()> {
    match uses(tx, id).await? {
        None => Ok(()),
        Some(uses) => {
            let message = format!("is named by {uses}; name another in its place, `replacementId`");
            Err(Error::conflict("contactId", message))
        }
    }
}

/// By what a contact is named, in words; `None` when it is not.
async fn uses(connection: &impl ConnectionTrait, id: Uuid) -> Result<Option<String>> {
    let doing = "counting what names a contact";
    let integrations = door::find::<integration_contact::Entity>()
        .filter(integration_contact::Column::ContactId.eq(id))
        .count(connection)
        .await
        .doing(doing)?;
    let rules = door::find::<ownership_rule::Entity>()
        .filter(ownership_rule::Column::ContactId.eq(id))
        .count(connection)
        .await
        .doing(doing)?;
    let groups = door::find::<failure_group::Entity>()
        .filter(failure_group::Column::AssigneeId.eq(id))
        .filter(failure_group::Column::Status.is_not_in(OVER))
        .count(connection)
        .await
        .doing(doing)?;
    let counts = [
        (integrations, "role of an integration", "roles of integrations"),
        (rules, "rule", "rules"),
        (groups, "group of failures", "groups of failures"),
    ];
    let said: Vec<String> = counts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, several)| format!("{count} {}", if count == 1 { one } else { several }))
        .collect();
    Ok((!said.is_empty()).then(|| said.join(", ")))
}

async fn replace(connection: &impl ConnectionTrait, id: Uuid, other: Uuid) -> Result<()> {
    let doing = "naming another contact";
    door::update::<integration_contact::Entity>()
        .col_expr(integration_contact::Column::ContactId, Expr::value(other))
        .filter(integration_contact::Column::ContactId.eq(id))
        .exec(connection)
        .await
        .doing(doing)?;
    door::update::<ownership_rule::Entity>()
        .col_expr(ownership_rule::Column::ContactId, Expr::value(other))
        .filter(ownership_rule::Column::ContactId.eq(id))
        .exec(connection)
        .await
        .doing(doing)?;
    door::update::<failure_group::Entity>()
        .col_expr(failure_group::Column::AssigneeId, Expr::value(other))
        .filter(failure_group::Column::AssigneeId.eq(id))
        .exec(connection)
        .await
        .doing(doing)?;
    Ok(())
}

/// Enters into the history of the groups that are not over who has them now. Of the operator's people no tenant reads.
async fn tell_history(
    tx: &DatabaseTransaction,
    actor: &Actor,
    groups: &[failure_group::Model],
    other: &Contact,
) -> Result<()> {
    let now = actor.app().clock().now();
    let audience = if other.tenant_id.is_none() { Audience::Support } else { Audience::Customer };
    let open = groups.iter().filter(|group| !is_over(group.status) && group.merged_into_id.is_none());
    let entries = open.map(|group| {
        let change = Change::Assign(Some(other.name.clone()));
        NewActivity::by(actor, change, None).for_audience(audience).row(group, now)
    });
    let doing = "storing who has groups now";
    insert_rows::<failure_group_activity::Entity>(tx, entries.collect(), doing).await
}

/// Takes groups from contacts that are there no more: another process may have given them to one by a rule that it had read
/// before. Answers with how many.
pub(crate) async fn purge(app: &App) -> Result<u64> {
    use failure_group::Column;
    let is_there = Query::select()
        .expr(Expr::val(1))
        .from(contact::Entity)
        .and_where(
            Expr::col((contact::Entity, contact::Column::Id))
                .equals((failure_group::Entity, Column::AssigneeId)),
        )
        .to_owned();
    let mut purged = 0;
    for _ in 0..PURGES_MAX {
        let tx = app.database().begin_of(None).await?;
        let these: Vec<Uuid> = door::find::<failure_group::Entity>()
            .select_only()
            .column(Column::Id)
            .filter(Column::AssigneeId.is_not_null())
            .filter(Expr::exists(is_there.clone()).not())
            .order_by_asc(Column::Id)
            .limit(GROUPS_MAX)
            .lock(LockType::NoKeyUpdate)
            .into_tuple()
            .all(&tx)
            .await
            .doing("looking for groups whose contact is gone")?;
        let given = give(&tx, these, None).await?;
        tx.commit().await.doing("committing that nobody has groups")?;
        purged += given;
        if given < GROUPS_MAX {
            break;
        }
    }
    Ok(purged)
}

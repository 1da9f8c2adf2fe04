//! Who has a group: given by a person, or by rules where it begins or is handed over.

use entity::failure::ResponsibleParty;
use entity::failure_group::{self, FailureGroupStatus};
use entity::run_event::Audience;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::FailureGroup;
use super::activity::{Change, NewActivity, record, store};
use super::decision::{checked_note, commit, found};
use super::is_ours;
use crate::actor::Actor;
use crate::contact::of_tenant_or_operator;
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::ownership_rule::{Assignee, Owned};
use crate::permission::Permission;
use crate::scope::TxScope;
use crate::validation::Problems;

/// Gives a group to somebody, or with `None` to nobody. A tenant's people give what is with them to one of themselves; staff
/// give anything to one of the tenant or of the operator.
///
/// # Errors
/// Denied without `failure_groups:manage`. Rejected: `NOT_FOUND` groupId or contactId, of another tenant too; `FORBIDDEN`
/// groupId for a tenant's people where it is not with them; `CONFLICT` when they have it already, it is over or merged, or
/// somebody changes it meanwhile; a note that is too long.
pub async fn assign(
    actor: &Actor,
    id: Uuid,
    contact_id: Option<Uuid>,
    note: Option<&str>,
) -> Result<FailureGroup> {
    use failure_group::Column;
    let scope = actor.authorize(Permission::FailureGroupManage)?;
    let row = found(&scope, id).await?;
    let mut problems = Problems::default();
    let note = checked_note(&mut problems, "note", note, false);
    if !actor.is_staff() && row.responsible_party != ResponsibleParty::Customer {
        problems.add(ProblemCode::Forbidden, "groupId", "it is not with you");
    }
    let contact = match contact_id {
        Some(id) => of_tenant_or_operator(actor, &scope, row.tenant_id, id).await?,
        None => None,
    };
    if contact_id.is_some() && contact.is_none() {
        problems.add(ProblemCode::NotFound, "contactId", "no contact has this id");
    }
    problems.check()?;
    if row.status == FailureGroupStatus::Resolved {
        return Err(Error::conflict("groupId", "it is resolved already"));
    }
    // Whom the caller does not see is nobody to them.
    let before = match row.assignee_id {
        Some(id) => of_tenant_or_operator(actor, &scope, row.tenant_id, id).await?,
        None => None,
    };
    if before.as_ref().map(|before| before.id) == contact.as_ref().map(|contact| contact.id) {
        let message = if contact.is_some() { "they have it already" } else { "nobody has it" };
        return Err(Error::conflict("contactId", message));
    }
    let has_it = Column::AssigneeId;
    let still_has_it = row.assignee_id.map_or_else(|| has_it.is_null(), |id| has_it.eq(id));
    let mut tx = TxScope::begin(scope.app(), row.tenant_id).await?;
    let changed = tx
        .update::<failure_group::Entity>()
        .col_expr(Column::AssigneeId, Expr::value(contact.as_ref().map(|contact| contact.id)))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(row.status))
        .filter(Column::ResponsibleParty.eq(row.responsible_party))
        .filter(still_has_it)
        .filter(Column::MergedIntoId.is_null())
        .exec(tx.connection())
        .await
        .doing("giving a group to somebody")?;
    if changed.rows_affected == 0 {
        return Err(Error::conflict("groupId", "it has changed meanwhile; look at it again"));
    }
    // That one of the operator has it, or has it no more, is nothing for the tenant, who reads the audit log, too.
    let is_internal = contact.as_ref().or(before.as_ref()).is_some_and(|contact| contact.tenant_id.is_none());
    let audience = if is_internal { Audience::Support } else { Audience::Customer };
    let change = Change::Assign(contact.map(|contact| contact.name));
    record(&mut tx, &row, NewActivity::by(actor, change, note.clone()).for_audience(audience)).await?;
    commit(tx, actor, &scope, id, note.filter(|_| !is_internal)).await
}

/// Enters into the history of a new group what rules made of it.
pub(crate) async fn begun(
    tx: &TxScope,
    group: &failure_group::Model,
    usual: ResponsibleParty,
    owned: Owned,
) -> Result<()> {
    let Owned { party, party_rule, assignee } = owned;
    if party != usual {
        let is_internal = is_ours(party) && is_ours(usual);
        let audience = if is_internal { Audience::Support } else { Audience::Customer };
        let change = Change::HandOver { from: usual, to: party };
        store(tx, group, NewActivity::by_rule(change, party_rule, true).for_audience(audience)).await?;
    }
    match assignee {
        Some(assignee) => store(tx, group, assigned(assignee)).await,
        None => Ok(()),
    }
}

/// That rules, or what somebody is for the integration, gave a group to them.
pub(crate) fn assigned(assignee: Assignee) -> NewActivity {
    let Assignee { name, is_operators, rule, .. } = assignee;
    let audience = if is_operators { Audience::Support } else { Audience::Customer };
    NewActivity::by_rule(Change::Assign(Some(name)), rule, is_operators).for_audience(audience)
}

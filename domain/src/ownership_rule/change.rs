//! Making, changing and deleting rules of ownership. They count for groups that begin from then on; groups that are there stay
//! with whom they are. Other processes know the operator's within seconds.

use entity::failure::ResponsibleParty;
use entity::{contact, ownership_rule, tenant};
use sea_orm::sea_query::{Expr, Order};
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::selector::is_code;
use super::{OwnershipRule, POSITION_MAX, RULES_MAX, RuleSelectors, VALUES_MAX, reread};
use crate::actor::Actor;
use crate::audit::{self, Entry, names};
use crate::catalogue;
use crate::contact::{door, owned_by};
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::notice_channel::owner;
use crate::permission::Permission;
use crate::scope::Scope;
use crate::system::is_foreign_key_violation;
use crate::validation::{NAME_CHARS_MAX, Problems};

/// Longest name of a stream, in characters, that is looked at; those of integrations are shorter.
const STREAM_CHARS_MAX: usize = 200;

/// A rule to make.
#[derive(Clone, Debug)]
pub struct NewOwnershipRule {
    /// Whose; `None` for the caller's own tenant, or the operator of staff.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// From 0 to [`POSITION_MAX`]; `None`: behind all that are there.
    pub position: Option<i64>,
    /// Which groups it is about; nil for ids that can't be read.
    pub selectors: RuleSelectors,
    /// The operator's: who acts next.
    pub responsible_party: Option<ResponsibleParty>,
    /// Who has it; nil for an id that can't be read.
    pub contact_id: Option<Uuid>,
}

/// What changes of a rule; `None` stays, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct OwnershipRuleChanges {
    /// The version that the change is of.
    pub version: i32,
    /// Name for people.
    pub name: Option<String>,
    /// Its place in the order.
    pub position: Option<i64>,
    /// Which groups it is about, all of it.
    pub selectors: Option<RuleSelectors>,
    /// The operator's: who acts next.
    pub responsible_party: Option<Option<ResponsibleParty>>,
    /// Who has it.
    pub contact_id: Option<Option<Uuid>>,
}

/// Makes a rule.
///
/// # Errors
/// Denied without `ownership_rules:manage`. Rejected, all at once: `REQUIRED` or `NOT_FOUND` tenantId; a bad name, position or
/// selectors; `REQUIRED` contactId when it says nothing; `FORBIDDEN` responsibleParty of a tenant's rule; `NOT_FOUND`
/// contactId, of another owner too; `LIMIT_REACHED` beyond [`RULES_MAX`].
pub async fn create(actor: &Actor, new: NewOwnershipRule) -> Result<OwnershipRule> {
    let scope = actor.authorize(Permission::OwnershipRuleManage)?;
    let now = scope.app().clock().now();
    let mut problems = Problems::default();
    let owner = owner(actor, &scope, new.tenant_id, &mut problems).await?;
    let mut position = new.position;
    if let Some(owner) = owner {
        let of_owner = || {
            scope.find::<ownership_rule::Entity>().filter(owned_by(ownership_rule::Column::TenantId, owner))
        };
        if of_owner().count().await? >= RULES_MAX {
            let message = format!("there are {RULES_MAX} rules already; delete one first");
            problems.add(ProblemCode::LimitReached, "name", message);
        }
        if position.is_none() {
            let last =
                of_owner().order_by(ownership_rule::Column::Position, Order::Desc).limit(1).one().await?;
            position = last.map(|last| last.position.saturating_add(1).min(POSITION_MAX));
        }
    }
    let row = ownership_rule::Model {
        id: new_id(),
        tenant_id: owner.flatten(),
        position: position.unwrap_or(0),
        name: new.name,
        selectors: new.selectors,
        responsible_party: new.responsible_party,
        contact_id: new.contact_id,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let row = checked(&scope, row, owner.is_some(), &mut problems).await?;
    problems.check()?;
    let tx = scope.app().database().begin_of(row.tenant_id).await?;
    let stored = door::insert::<ownership_rule::Entity>(&tx, row.clone(), "storing a rule of ownership");
    stored.await.map_err(gone)?;
    audit::commit(tx, entry(&row, row.name.clone()), "committing a rule of ownership").await?;
    known(&scope, &row).await?;
    Ok(row)
}

/// Changes a rule.
///
/// # Errors
/// Denied without `ownership_rules:manage`. Rejected, all at once: `NOT_FOUND` ruleId; as [`create`]; `CONFLICT` version when
/// somebody has changed it since.
pub async fn update(actor: &Actor, id: Uuid, changes: OwnershipRuleChanges) -> Result<OwnershipRule> {
    use ownership_rule::Column;
    let scope = actor.authorize(Permission::OwnershipRuleManage)?;
    let row = found(&scope, id).await?;
    let changed = names([
        ("name", changes.name.is_some()),
        ("position", changes.position.is_some()),
        ("selectors", changes.selectors.is_some()),
        ("responsibleParty", changes.responsible_party.is_some()),
        ("contactId", changes.contact_id.is_some()),
    ]);
    let next = ownership_rule::Model {
        name: changes.name.unwrap_or(row.name),
        position: changes.position.unwrap_or(row.position),
        selectors: changes.selectors.unwrap_or(row.selectors),
        responsible_party: changes.responsible_party.unwrap_or(row.responsible_party),
        contact_id: changes.contact_id.unwrap_or(row.contact_id),
        version: changes.version.saturating_add(1),
        updated_at: scope.app().clock().now(),
        ..row
    };
    let mut problems = Problems::default();
    let next = checked(&scope, next, true, &mut problems).await?;
    problems.check()?;
    let tx = scope.app().database().begin_of(next.tenant_id).await?;
    let stored = door::update::<ownership_rule::Entity>()
        .col_expr(Column::Name, Expr::value(next.name.clone()))
        .col_expr(Column::Position, Expr::value(next.position))
        .col_expr(Column::Selectors, Expr::value(next.selectors.clone()))
        .col_expr(Column::ResponsibleParty, Expr::value(next.responsible_party))
        .col_expr(Column::ContactId, Expr::value(next.contact_id))
        .col_expr(Column::Version, Expr::value(next.version))
        .col_expr(Column::UpdatedAt, Expr::value(next.updated_at))
        .filter(Column::Id.eq(id))
        .filter(Column::Version.eq(changes.version))
        .exec(&tx)
        .await
        .doing("storing a rule of ownership")
        .map_err(gone)?;
    if stored.rows_affected == 0 {
        return Err(Error::conflict("version", "somebody has changed it since; read it again first"));
    }
    audit::commit(tx, entry(&next, changed), "committing a rule of ownership").await?;
    known(&scope, &next).await?;
    Ok(next)
}

/// Deletes a rule. What it gave to somebody stays with them.
///
/// # Errors
/// Denied without `ownership_rules:manage`. Rejected: `NOT_FOUND` ruleId.
pub async fn delete(actor: &Actor, id: Uuid) -> Result<()> {
    let scope = actor.authorize(Permission::OwnershipRuleManage)?;
    let row = found(&scope, id).await?;
    let tx = scope.app().database().begin_of(row.tenant_id).await?;
    door::delete::<ownership_rule::Entity>()
        .filter(ownership_rule::Column::Id.eq(id))
        .exec(&tx)
        .await
        .doing("deleting a rule of ownership")?;
    audit::commit(tx, entry(&row, row.name.clone()), "committing the end of a rule of ownership").await?;
    known(&scope, &row).await
}

/// Whom it names was deleted meanwhile.
fn gone(error: Error) -> Error {
    if is_foreign_key_violation(&error) { Error::not_found("contactId", "contact") } else { error }
}

/// This process knows it from now on.
async fn known(scope: &Scope, row: &OwnershipRule) -> Result<()> {
    match row.tenant_id {
        Some(_tenant) => Ok(()),
        None => reread(scope.app()).await,
    }
}

/// A rule as it is stored, with all that is wrong with it.
async fn checked(
    scope: &Scope,
    row: OwnershipRule,
    has_owner: bool,
    problems: &mut Problems,
) -> Result<OwnershipRule> {
    let name = problems.text("name", &row.name, NAME_CHARS_MAX);
    if !(0..=POSITION_MAX).contains(&row.position) {
        problems.add(ProblemCode::Invalid, "position", format!("must be 0 to {POSITION_MAX}"));
    }
    if has_owner && row.tenant_id.is_some() && row.responsible_party.is_some() {
        let message = "is for rules of the operator: a tenant's say who of the tenant has it";
        problems.add(ProblemCode::Forbidden, "responsibleParty", message);
    }
    if row.responsible_party.is_none() && row.contact_id.is_none() {
        let message = match row.tenant_id {
            Some(_tenant) => "must name who has it",
            None => "must name who has it, or name a responsibleParty",
        };
        problems.add(ProblemCode::Required, "contactId", message);
    }
    if let Some(contact_id) = row.contact_id.filter(|_| has_owner) {
        let contact = scope
            .find::<contact::Entity>()
            .of_id(contact::Column::Id, contact_id)
            .filter(owned_by(contact::Column::TenantId, row.tenant_id))
            .one()
            .await?;
        if contact.is_none() {
            problems.add(ProblemCode::NotFound, "contactId", "no contact of the same owner has this id");
        }
    }
    check_selectors(scope, row.tenant_id, &row.selectors, has_owner, problems).await?;
    Ok(OwnershipRule { name, ..row })
}

/// All that is wrong with selectors.
pub(super) async fn check_selectors(
    scope: &Scope,
    owner: Option<Uuid>,
    selectors: &RuleSelectors,
    has_owner: bool,
    problems: &mut Problems,
) -> Result<()> {
    let RuleSelectors { codes, connectors, streams, tenant_ids } = selectors;
    let counts = [
        ("codes", codes.len()),
        ("connectors", connectors.len()),
        ("streams", streams.len()),
        ("tenantIds", tenant_ids.len()),
    ];
    for (field, count) in counts {
        if count > VALUES_MAX {
            let message = format!("has {count} values; at most {VALUES_MAX} are allowed");
            problems.push(Problem::new(ProblemCode::TooLong, ["selectors", field], message));
            return Ok(());
        }
    }
    for (index, pattern) in codes.iter().enumerate() {
        let is_cut = pattern != "*" && !pattern.ends_with(".*");
        let is_known = match pattern.matches('*').count() {
            0 => catalogue::entry(pattern).code == pattern,
            1 if !is_cut => catalogue::entries().iter().any(|entry| is_code(pattern, entry.code)),
            _ => false,
        };
        if !is_known {
            let message = "is no code of the error catalogue, nor a beginning of some like `destination.*`";
            problems.push(at(ProblemCode::NotFound, "codes", index, message));
        }
    }
    for (index, name) in connectors.iter().enumerate() {
        if scope.app().connectors().get(name).is_none() {
            let message = "there is no connector of this name";
            problems.push(at(ProblemCode::NotFound, "connectors", index, message));
        }
    }
    for (index, stream) in streams.iter().enumerate() {
        if stream.is_empty()
            || stream.chars().count() > STREAM_CHARS_MAX
            || stream.chars().any(char::is_control)
        {
            let message = "is no name of a stream";
            problems.push(at(ProblemCode::Invalid, "streams", index, message));
        }
    }
    if !tenant_ids.is_empty() && has_owner {
        if owner.is_some() {
            let message = "are for rules of the operator";
            problems.push(Problem::new(ProblemCode::Invalid, ["selectors", "tenantIds"], message));
        } else {
            let there: Vec<Uuid> = scope
                .find::<tenant::Entity>()
                .filter(tenant::Column::Id.is_in(tenant_ids.iter().copied()))
                .tuples([tenant::Column::Id])
                .await?;
            for (index, _id) in tenant_ids.iter().enumerate().filter(|(_, id)| !there.contains(id)) {
                problems.push(at(ProblemCode::NotFound, "tenantIds", index, "no tenant has this id"));
            }
        }
    }
    Ok(())
}

fn at(code: ProblemCode, field: &str, index: usize, message: &str) -> Problem {
    Problem::new(code, ["selectors".to_owned(), field.to_owned(), index.to_string()], message)
}

async fn found(scope: &Scope, id: Uuid) -> Result<OwnershipRule> {
    scope
        .find::<ownership_rule::Entity>()
        .of_id(ownership_rule::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("ruleId", "rule of ownership"))
}

fn entry(row: &OwnershipRule, detail: String) -> Entry {
    Entry::of(row.tenant_id, Some(GlobalId::new(Kind::OwnershipRule, row.id))).detail(Some(detail))
}

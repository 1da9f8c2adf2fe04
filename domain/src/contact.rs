//! Contacts: people and teams with a way to reach them. A tenant has its own; the operator's are for its staff, and no tenant
//! reads of them.

mod change;
mod delete;
pub(crate) mod door;
mod role;

use std::collections::HashMap;

use entity::contact;
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{ExprTrait, SimpleExpr};
use uuid::Uuid;

use crate::actor::{Actor, Principal};
use crate::error::{Error, Result};
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Scope};
use crate::search;

pub use self::change::{ContactChanges, NewContact, create, update};
pub use self::delete::delete;
pub(crate) use self::delete::purge;
pub use self::role::{ContactRoles, IntegrationContacts, by_integrations, set};
pub use entity::contact::{ContactKind, Model as Contact};

/// Contacts of one owner: more than the people who answer for one customer's data.
pub const CONTACTS_MAX: u64 = 500;
/// Longest phone number, in characters: 15 digits (E.164) with an extension and what makes it readable.
pub const PHONE_CHARS_MAX: usize = 50;
/// Longest URL, in bytes.
pub const URL_BYTES_MAX: usize = 2_000;
/// Longest note, in characters.
pub const NOTE_CHARS_MAX: usize = 2_000;

/// Which contacts a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContactFilter {
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// Whether they are the operator's.
    pub is_operators: Option<bool>,
    /// Of this kind.
    pub kind: Option<ContactKind>,
    /// With this text in the name, in any case.
    pub search: Option<String>,
}

/// Orders of a list of contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ContactOrder {
    /// By the time they were made.
    #[default]
    CreatedAt,
    /// By name.
    Name,
}

/// Contacts by id, those that the caller may see.
///
/// # Errors
/// Denied without `contacts:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Contact>> {
    let scope = actor.authorize(Permission::ContactRead)?;
    let rows = scope.find::<contact::Entity>().of_ids(contact::Column::Id, ids.iter().copied()).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// A page of contacts: of staff everybody's, of others those of their tenants.
///
/// # Errors
/// Denied without `contacts:read`; [`Error::Argument`] for a bad page or search.
pub async fn list(
    actor: &Actor,
    filter: &ContactFilter,
    order: ContactOrder,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<Contact>> {
    let scope = actor.authorize(Permission::ContactRead)?;
    let (name, column) = match order {
        ContactOrder::CreatedAt => ("contact", None),
        ContactOrder::Name => ("contact.name", Some(contact::Column::Name)),
    };
    let keyset = Keyset { name, column, id: contact::Column::Id, direction };
    let of_nobody = contact::Column::TenantId;
    scope
        .find::<contact::Entity>()
        .of_tenant(filter.tenant_id)
        .filter_some(filter.is_operators, |is_operators| {
            if is_operators { of_nobody.is_null() } else { of_nobody.is_not_null() }
        })
        .filter_some(filter.kind, |kind| contact::Column::Kind.eq(kind))
        .filter_some(search::text(filter.search.as_deref())?, |text| {
            search::contains(contact::Column::Name, text)
        })
        .page(&keyset, &page.check(keyset.name)?)
        .await
}

/// The contacts that a filter of a list means: this one, and with `of_viewer` those that are the caller. What the caller
/// does not see is nobody.
pub(crate) async fn meant(
    actor: &Actor,
    scope: &Scope,
    id: Option<Uuid>,
    of_viewer: bool,
) -> Result<Vec<Uuid>> {
    if !actor.may(Permission::ContactRead) {
        return Ok(Vec::new());
    }
    let user = match (of_viewer, actor.principal()) {
        (false, _) => None,
        (true, Principal::User { id, .. }) => Some(*id),
        (true, _) => return Ok(Vec::new()),
    };
    scope
        .find::<contact::Entity>()
        .filter_some(id, |id| contact::Column::Id.eq(id))
        .filter_some(user, |user| contact::Column::UserId.eq(user))
        .limit(CONTACTS_MAX)
        .tuples([contact::Column::Id])
        .await
}

/// A contact that something of a tenant may be given to: the tenant's own, or for staff the operator's. `None` when there is
/// none that the caller may see.
pub(crate) async fn of_tenant_or_operator(
    actor: &Actor,
    scope: &Scope,
    tenant_id: Uuid,
    id: Uuid,
) -> Result<Option<Contact>> {
    if !actor.may(Permission::ContactRead) {
        return Ok(None);
    }
    let owner = contact::Column::TenantId;
    scope
        .find::<contact::Entity>()
        .of_id(contact::Column::Id, id)
        .filter(owner.eq(tenant_id).or(owner.is_null()))
        .one()
        .await
}

/// That a row is of this owner; `None` is the operator.
pub(crate) fn owned_by(column: impl ColumnTrait, owner: Option<Uuid>) -> SimpleExpr {
    owner.map_or_else(|| column.is_null(), |id| column.eq(id))
}

async fn found(scope: &Scope, id: Uuid) -> Result<Contact> {
    scope
        .find::<contact::Entity>()
        .of_id(contact::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("contactId", "contact"))
}

//! Making, changing and deleting contacts. One that something names is deleted only with another in its place: nothing is left
//! without somebody by accident.

use entity::failure_group::{self, FailureGroupStatus};
use entity::{contact, integration_contact, ownership_rule, user};
use openidconnect::url::Url;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, PaginatorTrait, QueryFilter};
use uuid::Uuid;

use super::{
    CONTACTS_MAX, Contact, ContactKind, NOTE_CHARS_MAX, PHONE_CHARS_MAX, URL_BYTES_MAX, door, found, owned_by,
};
use crate::actor::Actor;
use crate::audit::{self, Entry, names};
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::notice_channel::owner;
use crate::ownership_rule::reread;
use crate::permission::Permission;
use crate::scope::Scope;
use crate::system::is_foreign_key_violation;
use crate::validation::{NAME_CHARS_MAX, Problems};

/// A contact to make.
#[derive(Clone, Debug)]
pub struct NewContact {
    /// Whose; `None` for the caller's own tenant, or the operator of staff.
    pub tenant_id: Option<Uuid>,
    /// What it is.
    pub kind: ContactKind,
    /// Name for people.
    pub name: String,
    /// Mail address.
    pub email: Option<String>,
    /// As it is dialled, up to [`PHONE_CHARS_MAX`] characters.
    pub phone: Option<String>,
    /// Where else, up to [`URL_BYTES_MAX`] bytes.
    pub url: Option<String>,
    /// Who of the owner's people it is; nil for an id that can't be read.
    pub user_id: Option<Uuid>,
    /// For people, up to [`NOTE_CHARS_MAX`] characters.
    pub note: Option<String>,
}

/// What changes of a contact; `None` stays, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct ContactChanges {
    /// The version that the change is of.
    pub version: i32,
    /// What it is.
    pub kind: Option<ContactKind>,
    /// Name for people.
    pub name: Option<String>,
    /// Mail address.
    pub email: Option<Option<String>>,
    /// As it is dialled.
    pub phone: Option<Option<String>>,
    /// Where else.
    pub url: Option<Option<String>>,
    /// Who of the owner's people it is.
    pub user_id: Option<Option<Uuid>>,
    /// For people.
    pub note: Option<Option<String>>,
}

/// Makes a contact.
///
/// # Errors
/// Denied without `contacts:manage`. Rejected, all at once: `REQUIRED` or `NOT_FOUND` tenantId; a bad name, email, phone, url
/// or note; `REQUIRED` email when there is no way to reach it; `NOT_FOUND` userId, of another owner too; `LIMIT_REACHED`
/// beyond [`CONTACTS_MAX`].
pub async fn create(actor: &Actor, new: NewContact) -> Result<Contact> {
    let scope = actor.authorize(Permission::ContactManage)?;
    let now = scope.app().clock().now();
    let mut problems = Problems::default();
    let owner = owner(actor, &scope, new.tenant_id, &mut problems).await?;
    if let Some(owner) = owner {
        let of_owner =
            scope.find::<contact::Entity>().filter(owned_by(contact::Column::TenantId, owner)).count();
        if of_owner.await? >= CONTACTS_MAX {
            let message = format!("there are {CONTACTS_MAX} contacts already; delete one first");
            problems.add(ProblemCode::LimitReached, "name", message);
        }
    }
    let row = contact::Model {
        id: new_id(),
        tenant_id: owner.flatten(),
        kind: new.kind,
        name: new.name,
        email: new.email,
        phone: new.phone,
        url: new.url,
        user_id: new.user_id,
        note: new.note,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let row = checked(&scope, row, owner.is_some(), &mut problems).await?;
    problems.check()?;
    let tx = scope.app().database().begin_of(row.tenant_id).await?;
    door::insert::<contact::Entity>(&tx, row.clone(), "storing a contact").await?;
    audit::commit(tx, entry(&row, row.name.clone()), "committing a contact").await?;
    Ok(row)
}

/// Changes a contact.
///
/// # Errors
/// Denied without `contacts:manage`. Rejected, all at once: `NOT_FOUND` contactId; as [`create`]; `CONFLICT` version when
/// somebody has changed it since.
pub async fn update(actor: &Actor, id: Uuid, changes: ContactChanges) -> Result<Contact> {
    use contact::Column;
    let scope = actor.authorize(Permission::ContactManage)?;
    let row = found(&scope, id).await?;
    let changed = names([
        ("kind", changes.kind.is_some()),
        ("name", changes.name.is_some()),
        ("email", changes.email.is_some()),
        ("phone", changes.phone.is_some()),
        ("url", changes.url.is_some()),
        ("userId", changes.user_id.is_some()),
        ("note", changes.note.is_some()),
    ]);
    let next = contact::Model {
        kind: changes.kind.unwrap_or(row.kind),
        name: changes.name.unwrap_or(row.name),
        email: changes.email.unwrap_or(row.email),
        phone: changes.phone.unwrap_or(row.phone),
        url: changes.url.unwrap_or(row.url),
        user_id: changes.user_id.unwrap_or(row.user_id),
        note: changes.note.unwrap_or(row.note),
        version: changes.version.saturating_add(1),
        updated_at: scope.app().clock().now(),
        ..row
    };
    let mut problems = Problems::default();
    let next = checked(&scope, next, true, &mut problems).await?;
    problems.check()?;
    let tx = scope.app().database().begin_of(next.tenant_id).await?;
    let stored = door::update::<contact::Entity>()
        .col_expr(Column::Kind, Expr::value(next.kind))
        .col_expr(Column::Name, Expr::value(next.name.clone()))
        .col_expr(Column::Email, Expr::value(next.email.clone()))
        .col_expr(Column::Phone, Expr::value(next.phone.clone()))
        .col_expr(Column::Url, Expr::value(next.url.clone()))
        .col_expr(Column::UserId, Expr::value(next.user_id))
        .col_expr(Column::Note, Expr::value(next.note.clone()))
        .col_expr(Column::Version, Expr::value(next.version))
        .col_expr(Column::UpdatedAt, Expr::value(next.updated_at))
        .filter(Column::Id.eq(id))
        .filter(Column::Version.eq(changes.version))
        .exec(&tx)
        .await
        .doing("storing a contact")?;
    if stored.rows_affected == 0 {
        return Err(Error::conflict("version", "somebody has changed it since; read it again first"));
    }
    audit::commit(tx, entry(&next, changed), "committing a contact").await?;
    if next.tenant_id.is_none() {
        reread(scope.app()).await?;
    }
    Ok(next)
}

/// Deletes a contact. What names it names `replacement` from then on; groups of failures that are over let go of it.
///
/// # Errors
/// Denied without `contacts:manage`. Rejected: `NOT_FOUND` contactId; `NOT_FOUND` replacementId, of another owner too;
/// `INVALID` replacementId when it is the same; `CONFLICT` contactId while something names it and nobody replaces it.
pub async fn delete(actor: &Actor, id: Uuid, replacement: Option<Uuid>) -> Result<()> {
    use failure_group::Column as Group;
    let scope = actor.authorize(Permission::ContactManage)?;
    let row = found(&scope, id).await?;
    let mut detail = row.name.clone();
    if let Some(other) = replacement {
        let other = scope
            .find::<contact::Entity>()
            .filter(contact::Column::Id.eq(other))
            .filter(owned_by(contact::Column::TenantId, row.tenant_id))
            .one()
            .await?
            .ok_or_else(|| Error::not_found("replacementId", "contact"))?;
        if other.id == id {
            let mut problems = Problems::default();
            problems.add(ProblemCode::Invalid, "replacementId", "is the contact itself");
            problems.check()?;
        }
        detail = format!("{detail}, replaced by {}", other.name);
    }
    let tx = scope.app().database().begin_of(row.tenant_id).await?;
    if replacement.is_none() {
        let over = [FailureGroupStatus::Resolved, FailureGroupStatus::Ignored];
        door::update::<failure_group::Entity>()
            .col_expr(Group::AssigneeId, Expr::value(None::<Uuid>))
            .filter(Group::AssigneeId.eq(id))
            .filter(Group::Status.is_in(over))
            .exec(&tx)
            .await
            .doing("taking a contact out of groups that are over")?;
        if let Some(uses) = uses(&tx, id).await? {
            let message = format!("is named by {uses}; name another in its place, `replacementId`");
            return Err(Error::conflict("contactId", message));
        }
    } else {
        replace(&tx, id, replacement).await?;
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
    audit::commit(tx, entry(&row, detail), "committing the end of a contact").await?;
    if row.tenant_id.is_none() {
        reread(scope.app()).await?;
    }
    Ok(())
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

async fn replace(connection: &impl ConnectionTrait, id: Uuid, other: Option<Uuid>) -> Result<()> {
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

/// A contact as it is stored, with all that is wrong with it.
async fn checked(scope: &Scope, row: Contact, has_owner: bool, problems: &mut Problems) -> Result<Contact> {
    let name = problems.text("name", &row.name, NAME_CHARS_MAX);
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let email = given(row.email).map(|email| problems.email(&email));
    let phone = given(row.phone).map(|phone| checked_phone(&phone, problems));
    let url = given(row.url).map(|url| checked_url(&url, problems));
    if email.is_none() && phone.is_none() && url.is_none() {
        problems.add(ProblemCode::Required, "email", "name a way to reach it: email, phone or url");
    }
    let note = given(row.note).map(|note| checked_note(&note, problems));
    if let Some(user_id) = row.user_id.filter(|_| has_owner) {
        let user = scope
            .find::<user::Entity>()
            .filter(user::Column::Id.eq(user_id))
            .filter(owned_by(user::Column::TenantId, row.tenant_id))
            .one()
            .await?;
        if user.is_none() {
            problems.add(ProblemCode::NotFound, "userId", "no user of the same owner has this id");
        }
    }
    Ok(Contact { name, email, phone, url, note, ..row })
}

fn checked_phone(phone: &str, problems: &mut Problems) -> String {
    let phone = problems.text("phone", phone, PHONE_CHARS_MAX);
    if problems.is_empty() && !phone.chars().any(|char| char.is_ascii_digit()) {
        problems.add(ProblemCode::Invalid, "phone", "has no digit");
    }
    phone
}

fn checked_url(text: &str, problems: &mut Problems) -> String {
    let text = text.trim();
    if text.len() > URL_BYTES_MAX {
        let message = format!("has {} bytes; at most {URL_BYTES_MAX} are allowed", text.len());
        problems.add(ProblemCode::TooLong, "url", message);
        return String::new();
    }
    match Url::parse(text) {
        // It is shown to people, who press it; and a password in it would be, too.
        Ok(url)
            if matches!(url.scheme(), "https" | "http")
                && url.username().is_empty()
                && url.password().is_none() =>
        {
            url.into()
        }
        _ => {
            let message = "is not an address like https://chat.example.com/orders, without a password";
            problems.add(ProblemCode::Invalid, "url", message);
            String::new()
        }
    }
}

fn checked_note(note: &str, problems: &mut Problems) -> String {
    let note = note.trim();
    if note.chars().count() > NOTE_CHARS_MAX {
        problems.add(ProblemCode::TooLong, "note", format!("has more than {NOTE_CHARS_MAX} characters"));
    } else if note.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t')) {
        let message = "must not have control characters other than line ends and tabs";
        problems.add(ProblemCode::Invalid, "note", message);
    }
    note.to_owned()
}

fn entry(row: &Contact, detail: String) -> Entry {
    Entry::of(row.tenant_id, Some(GlobalId::new(Kind::Contact, row.id))).detail(Some(detail))
}

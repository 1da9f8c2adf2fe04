//! Making and changing contacts.

use entity::{contact, user};
use openidconnect::url::Url;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
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
            .of_id(user::Column::Id, user_id)
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

pub(super) fn entry(row: &Contact, detail: String) -> Entry {
    Entry::of(row.tenant_id, Some(GlobalId::new(Kind::Contact, row.id))).detail(Some(detail))
}

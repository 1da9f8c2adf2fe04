//! People who sign in: staff of the operator, and people of tenants. Password hashes stay in this crate.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::tenant;
use entity::user::{self, Role};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveEnum, ColumnTrait, DatabaseTransaction, QueryFilter, QueryOrder, QuerySelect};
use secrecy::SecretString;
use uuid::Uuid;

use crate::actor::{Actor, Principal};
use crate::audit::{self, Entry};
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::identity;
use crate::invitation;
use crate::page::{Direction, Page, PageArguments};
use crate::password;
use crate::permission::{Permission, is_staff};
use crate::scope::{Keyset, Scope};
use crate::session::{self, EndReason};
use crate::sign_in_attempt;
use crate::user_token;
use crate::validation::{NAME_CHARS_MAX, Problems, is_email, normal_email};

/// People of one tenant, disabled ones included: far above what a customer has, and a bound.
pub const USERS_PER_TENANT_MAX: u64 = 10_000;

/// A person, without what only this crate may know.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The row.
    pub id: Uuid,
    /// The tenant of a tenant-side person; `None` for staff.
    pub tenant_id: Option<Uuid>,
    /// Lower case.
    pub email: String,
    /// Name for people.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Since when they can't sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Whether signing in asks for a code, too.
    pub second_factor: bool,
}

impl From<user::Model> for User {
    fn from(row: user::Model) -> Self {
        Self {
            id: row.id,
            tenant_id: row.tenant_id,
            email: row.email,
            name: row.name,
            role: row.role,
            created_at: row.created_at,
            updated_at: row.updated_at,
            disabled_at: row.disabled_at,
            second_factor: row.second_factor_at.is_some(),
        }
    }
}

/// A new person.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// Unique; kept in lower case.
    pub email: String,
    /// Name for people.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The tenant of a tenant-side role. A tenant's administrator may leave it out. An id that can't be read
    /// is passed as nil, which names nothing.
    pub tenant_id: Option<Uuid>,
    /// The first password.
    pub password: SecretString,
}

/// Which people a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UserFilter {
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// With one of these roles.
    pub role: Option<Vec<Role>>,
    /// Only those who are disabled, or only those who are not.
    pub disabled: Option<bool>,
}

/// By what a list of people is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UserOrder {
    /// By the time they were made.
    #[default]
    CreatedAt,
    /// By mail address.
    Email,
}

/// One person; `None` when there is none whom the caller may see.
///
/// # Errors
/// Denied without `users:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<User>> {
    let scope = actor.authorize(Permission::UserRead)?;
    Ok(scope.find::<user::Entity>().of_id(user::Column::Id, id).one().await?.map(User::from))
}

/// People by id, those whom the caller may see.
///
/// # Errors
/// Denied without `users:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, User>> {
    let scope = actor.authorize(Permission::UserRead)?;
    let rows = scope.find::<user::Entity>().of_ids(user::Column::Id, ids.iter().copied()).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
}

/// A person by their mail address, in any case; `None` when there is none whom the caller may see.
///
/// # Errors
/// Denied without `users:read`.
pub async fn by_email(actor: &Actor, email: &str) -> Result<Option<User>> {
    let scope = actor.authorize(Permission::UserRead)?;
    let email = normal_email(email);
    Ok(scope.find::<user::Entity>().filter(user::Column::Email.eq(email)).one().await?.map(User::from))
}

/// A page of people.
///
/// # Errors
/// Denied without `users:read`; [`Error::Argument`] for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &UserFilter,
    order: UserOrder,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<User>> {
    let scope = actor.authorize(Permission::UserRead)?;
    let (name, column) = match order {
        UserOrder::CreatedAt => ("user", None),
        UserOrder::Email => ("user.email", Some(user::Column::Email)),
    };
    let keyset = Keyset { name, column, id: user::Column::Id, direction };
    let rows = scope
        .find::<user::Entity>()
        .of_tenant(filter.tenant_id)
        .filter_some(filter.role.clone(), |roles| user::Column::Role.is_in(roles))
        .filter_some(filter.disabled, |disabled| {
            if disabled { user::Column::DisabledAt.is_not_null() } else { user::Column::DisabledAt.is_null() }
        })
        .page(&keyset, &page.check(keyset.name)?)
        .await?;
    Ok(rows.map(User::from))
}

/// Makes a person. Administrators of a tenant make people of their tenant; only who manages staff makes staff.
///
/// # Errors
/// Denied without `users:manage`. Rejected: `CONFLICT` email; `FORBIDDEN` or `INVALID` role; `REQUIRED`,
/// `NOT_FOUND` or `INVALID` tenantId; `LIMIT_REACHED` tenantId; a bad email, name or password.
pub async fn create(actor: &Actor, input: CreateUser) -> Result<User> {
    let scope = actor.authorize(Permission::UserManage)?;
    let mut problems = Problems::default();
    let email = problems.email(&input.email);
    let name = problems.text("name", &input.name, NAME_CHARS_MAX);
    check_role(actor, input.role, &mut problems);
    let tenant_id = check_tenant(actor, &scope, input.role, input.tenant_id, &mut problems).await?;
    if let Some(problem) = password::check(&input.password, "password", &email, &name).await? {
        problems.push(problem);
    }
    // The address is taken by whoever has it, in whatever tenant.
    if is_email(&email) && is_taken(&scope, &email).await? {
        problems.push(taken());
    }
    problems.check()?;
    let now = scope.app().clock().now();
    let row = user::Model {
        id: new_id(),
        tenant_id,
        email,
        name,
        role: input.role,
        password_hash: password::hash(&input.password).await?,
        created_at: now,
        updated_at: now,
        disabled_at: None,
        second_factor_at: None,
    };
    let tx = scope.app().database().begin_of(row.tenant_id).await?;
    match identity::insert::<user::Entity>(&tx, row.clone(), "storing a user").await {
        Ok(()) => {}
        // Somebody took the address a moment ago.
        Err(error) if identity::unique_violation(&error).is_some() => return Err(Error::rejected(taken())),
        Err(error) => return Err(error),
    }
    audit::commit(tx, entry(&row).detail(Some(row.role.to_value())), "committing a user").await?;
    Ok(row.into())
}

/// Sets a role. It holds from the person's next request on.
///
/// # Errors
/// Denied without `users:manage`. Rejected: `NOT_FOUND` userId; `FORBIDDEN` or `INVALID` role; `CONFLICT`
/// userId for oneself, and for the last platform administrator.
pub async fn set_role(actor: &Actor, id: Uuid, role: Role) -> Result<User> {
    let scope = actor.authorize(Permission::UserManage)?;
    let row = managed(actor, &scope, id).await?;
    if is_self(actor, id) {
        return Err(Error::conflict("userId", "is you; another administrator can change your role"));
    }
    let mut problems = Problems::default();
    check_role(actor, role, &mut problems);
    match (row.tenant_id.is_some(), is_staff(role)) {
        (true, true) => problems.add(
            ProblemCode::Invalid,
            "role",
            "is a role of staff, and this person belongs to a tenant; make a second user for it",
        ),
        (false, false) if problems.is_empty() => problems.add(
            ProblemCode::Invalid,
            "role",
            "is a role in a tenant, and this person is staff; make a second user for it",
        ),
        _ => {}
    }
    problems.check()?;
    if row.role == role {
        return Ok(row.into());
    }
    let now = scope.app().clock().now();
    let tx = scope.app().database().begin_of(row.tenant_id).await?;
    keep_one_admin(&tx, &row).await?;
    identity::update::<user::Entity>()
        .col_expr(user::Column::Role, Expr::value(role))
        .col_expr(user::Column::UpdatedAt, Expr::value(now))
        .filter(user::Column::Id.eq(id))
        .exec(&tx)
        .await
        .doing("storing a user's role")?;
    audit::commit(tx, entry(&row).detail(Some(role.to_value())), "committing a user's role").await?;
    Ok(User { role, updated_at: now, ..row.into() })
}

/// Disables a person: signs them out everywhere at once, lets them sign in no more, and takes back their invitations.
/// Twice is once.
///
/// # Errors
/// Denied without `users:manage`. Rejected: `NOT_FOUND` userId; `FORBIDDEN` userId for staff; `CONFLICT`
/// userId for oneself, and for the last platform administrator.
pub async fn disable(actor: &Actor, id: Uuid) -> Result<User> {
    let scope = actor.authorize(Permission::UserManage)?;
    let row = managed(actor, &scope, id).await?;
    if is_self(actor, id) {
        return Err(Error::conflict("userId", "is you; another administrator can disable you"));
    }
    if row.disabled_at.is_some() {
        return Ok(row.into());
    }
    let now = scope.app().clock().now();
    let tx = scope.app().database().begin_of(row.tenant_id).await?;
    keep_one_admin(&tx, &row).await?;
    set_disabled(&tx, id, Some(now), now).await?;
    session::end_of_user(&tx, id, None, EndReason::Disabled, now).await?;
    user_token::void(&tx, id, now).await?;
    invitation::revoke_of_user(&tx, id, now).await?;
    audit::commit(tx, entry(&row), "committing the end of a user's sessions").await?;
    Ok(User { disabled_at: Some(now), updated_at: now, ..row.into() })
}

/// Lets a disabled person sign in again. Twice is once.
///
/// # Errors
/// Denied without `users:manage`. Rejected: `NOT_FOUND` userId; `FORBIDDEN` userId for staff.
pub async fn enable(actor: &Actor, id: Uuid) -> Result<User> {
    let scope = actor.authorize(Permission::UserManage)?;
    let row = managed(actor, &scope, id).await?;
    if row.disabled_at.is_none() {
        return Ok(row.into());
    }
    let now = scope.app().clock().now();
    let tx = scope.app().database().begin_of(row.tenant_id).await?;
    set_disabled(&tx, id, None, now).await?;
    audit::commit(tx, entry(&row), "committing that a user is enabled").await?;
    Ok(User { disabled_at: None, updated_at: now, ..row.into() })
}

/// Sets a password for a person who lost theirs, signs them out everywhere, and lets them sign in at once.
///
/// # Errors
/// Denied without `users:manage`. Rejected: `NOT_FOUND` userId; `FORBIDDEN` userId for staff; a bad password.
pub async fn set_password(actor: &Actor, id: Uuid, new: &SecretString) -> Result<User> {
    let scope = actor.authorize(Permission::UserManage)?;
    let row = managed(actor, &scope, id).await?;
    if let Some(problem) = password::check(new, "password", &row.email, &row.name).await? {
        return Err(Error::rejected(problem));
    }
    let hash = password::hash(new).await?;
    let now = scope.app().clock().now();
    let tx = scope.app().database().begin_of(row.tenant_id).await?;
    identity::update::<user::Entity>()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .col_expr(user::Column::UpdatedAt, Expr::value(now))
        .filter(user::Column::Id.eq(id))
        .exec(&tx)
        .await
        .doing("storing a password")?;
    session::end_of_user(&tx, id, None, EndReason::PasswordChanged, now).await?;
    user_token::void(&tx, id, now).await?;
    // Whoever lost their password has tried a few.
    sign_in_attempt::unlock(&tx, &row.email).await?;
    audit::commit(tx, entry(&row), "committing a password").await?;
    Ok(User { updated_at: now, ..row.into() })
}

/// For the audit log: a change of a person.
pub(crate) fn entry(row: &user::Model) -> Entry {
    Entry::of(row.tenant_id, Some(GlobalId::new(Kind::User, row.id)))
}

pub(crate) fn is_self(actor: &Actor, id: Uuid) -> bool {
    matches!(actor.principal(), Principal::User { id: own, .. } if *own == id)
}

pub(crate) fn taken() -> Problem {
    Problem::new(ProblemCode::Conflict, ["email"], "another user has this mail address")
}

pub(crate) async fn is_taken(scope: &Scope, email: &str) -> Result<bool> {
    let row = identity::find::<user::Entity>()
        .filter(user::Column::Email.eq(email))
        .one(scope.app().across_tenants().reader())
        .await
        .doing("reading a user by mail address")?;
    Ok(row.is_some())
}

/// The person whom the caller wants to change.
pub(crate) async fn managed(actor: &Actor, scope: &Scope, id: Uuid) -> Result<user::Model> {
    let row = scope
        .find::<user::Entity>()
        .of_id(user::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("userId", "user"))?;
    if is_staff(row.role) && !actor.may(Permission::StaffManage) {
        let message = "is staff; only who has `staff:manage` changes staff";
        return Err(Error::rejected(Problem::new(ProblemCode::Forbidden, ["userId"], message)));
    }
    Ok(row)
}

pub(crate) fn check_role(actor: &Actor, role: Role, problems: &mut Problems) {
    match role {
        Role::Partner => {
            problems.add(
                ProblemCode::Invalid,
                "role",
                "is a role of API keys; make an API key in place of a user",
            );
        }
        Role::Portal => {
            problems.add(
                ProblemCode::Invalid,
                "role",
                "is a role of portal sessions; make one in place of a user",
            );
        }
        role if is_staff(role) && !actor.may(Permission::StaffManage) => {
            problems.add(
                ProblemCode::Forbidden,
                "role",
                "is a role of staff; it needs the permission `staff:manage`",
            );
        }
        _ => {}
    }
}

/// The tenant of a new person, checked against the role.
pub(crate) async fn check_tenant(
    actor: &Actor,
    scope: &Scope,
    role: Role,
    tenant_id: Option<Uuid>,
    problems: &mut Problems,
) -> Result<Option<Uuid>> {
    if is_staff(role) {
        if tenant_id.is_some() {
            problems.add(ProblemCode::Invalid, "tenantId", "must be left out: staff belong to no tenant");
        }
        return Ok(None);
    }
    let Some(tenant_id) = tenant_id.or_else(|| actor.tenant_id()) else {
        problems.add(ProblemCode::Required, "tenantId", "this role needs a tenant");
        return Ok(None);
    };
    let found = scope.find::<tenant::Entity>().of_id(tenant::Column::Id, tenant_id).one().await?;
    if found.is_none() {
        problems.add(ProblemCode::NotFound, "tenantId", "no tenant has this id");
        return Ok(None);
    }
    let users = scope.find::<user::Entity>().filter(user::Column::TenantId.eq(tenant_id)).count().await?;
    if users >= USERS_PER_TENANT_MAX {
        let message = format!("this tenant has {users} users; {USERS_PER_TENANT_MAX} are the limit");
        problems.add(ProblemCode::LimitReached, "tenantId", message);
    }
    Ok(Some(tenant_id))
}

/// Refuses to take its role or access from the last platform administrator: nobody could give it back.
pub(crate) async fn keep_one_admin(tx: &DatabaseTransaction, row: &user::Model) -> Result<()> {
    if row.role != Role::PlatformAdmin || row.disabled_at.is_some() {
        return Ok(());
    }
    // Locked in one order, so that two administrators who disable each other at once take turns.
    let admins = identity::find::<user::Entity>()
        .filter(user::Column::Role.eq(Role::PlatformAdmin))
        .filter(user::Column::DisabledAt.is_null())
        .order_by_asc(user::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await
        .doing("reading the platform administrators")?;
    if admins.iter().any(|admin| admin.id != row.id) {
        Ok(())
    } else {
        Err(Error::conflict("userId", "is the last platform administrator; make another one first"))
    }
}

async fn set_disabled(
    tx: &DatabaseTransaction,
    id: Uuid,
    disabled_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    identity::update::<user::Entity>()
        .col_expr(user::Column::DisabledAt, Expr::value(disabled_at))
        .col_expr(user::Column::UpdatedAt, Expr::value(now))
        .filter(user::Column::Id.eq(id))
        .exec(tx)
        .await
        .doing("storing whether a user is disabled")?;
    Ok(())
}

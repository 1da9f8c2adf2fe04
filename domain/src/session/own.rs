//! What signed-in people do with their own access: see their sessions, end one, change their password. It is theirs by
//! being signed in; no permission gives or takes it, and people of a suspended tenant keep it.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use entity::{session, user};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{EndReason, end, end_of_user};
use crate::actor::Actor;
use crate::app::App;
use crate::audit::{self, Entry};
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{GlobalId, Kind};
use crate::identity;
use crate::page::{Direction, Page, PageArguments};
use crate::password;
use crate::scope::Keyset;
use crate::sign_in_attempt::Attempt;
use crate::user_token;
use crate::validation::Problems;

/// A place where a person is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The row.
    pub id: Uuid,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When its tokens were last issued: at most 15 minutes before its last request.
    pub last_used_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// IP address of whoever its tokens were last issued to.
    pub address: Option<String>,
    /// Their `User-Agent`, at most 300 characters.
    pub user_agent: Option<String>,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// The new password of whoever is signed in.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// What they sign in with by now.
    pub current: SecretString,
    /// What they sign in with from now on.
    pub new: SecretString,
}

/// A page of the caller's own sessions that have not ended, newest first.
///
/// # Errors
/// Denied to whoever is not a signed-in person; [`Error::Argument`] for a bad page.
pub async fn list(actor: &Actor, page: &PageArguments) -> Result<Page<Session>> {
    let (user_id, current_id) = actor.own_session_before_enrolling()?;
    let keyset =
        Keyset { name: "session", column: None, id: session::Column::Id, direction: Direction::Descending };
    let live = identity::find::<session::Entity>()
        .filter(session::Column::UserId.eq(user_id))
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(actor.app().clock().now()));
    let rows = keyset.read(live, &page.check(keyset.name)?, actor.app().across_tenants().reader()).await?;
    Ok(rows.map(|row| Session {
        id: row.id,
        created_at: row.created_at,
        last_used_at: row.last_used_at.unwrap_or(row.created_at),
        expires_at: row.expires_at,
        address: row.address,
        user_agent: row.user_agent,
        is_current: row.id == current_id,
    }))
}

/// Ends one of the caller's own sessions; its tokens are refused from the next request on. Twice is once. True when it
/// was the one that asks.
///
/// # Errors
/// Denied to whoever is not a signed-in person. Rejected: `NOT_FOUND` sessionId.
pub async fn end_one(actor: &Actor, id: Uuid) -> Result<bool> {
    let (user_id, current_id) = actor.own_session_before_enrolling()?;
    let app = actor.app();
    let own = session::Column::Id.eq(id).and(session::Column::UserId.eq(user_id));
    identity::find::<session::Entity>()
        .filter(own.clone())
        .one(app.across_tenants().reader())
        .await
        .doing("reading a session")?
        .ok_or_else(|| Error::not_found("sessionId", "session of yours"))?;
    let tx = app.across_tenants().begin().await?;
    end(&tx, own, EndReason::SignedOut, app.clock().now()).await?;
    let entry = Entry::of(actor.tenant_id(), Some(GlobalId::new(Kind::Session, id)));
    audit::commit(tx, entry, "committing the end of a session").await?;
    Ok(id == current_id)
}

/// Changes the caller's own password. It ends their other sessions and the portal sessions that they made; the session
/// that asks goes on. A wrong current password counts as a failed sign-in does, from this `address`.
///
/// # Errors
/// Denied to whoever is not a signed-in person. Rejected: `INVALID` currentPassword, also while the account or the
/// address is locked; a bad newPassword.
pub async fn change_password(actor: &Actor, input: ChangePassword, address: Option<IpAddr>) -> Result<()> {
    let (user_id, session_id) = actor.own_session()?;
    let app = actor.app();
    let row = own_row(app, user_id).await?;
    let mut problems = Problems::default();
    let proof = prove(app, &row, &input.current, address).await?;
    let is_right = proof.is_some();
    match proof {
        // Also when the new one is bad: nobody is locked out for looking for a good one. Only a second factor could be
        // guessed by who has the password, so its failures stay.
        Some(attempt) if row.second_factor_at.is_some() => {
            attempt.take_back(app.across_tenants().writer()).await?
        }
        Some(attempt) => attempt.forgive(app.across_tenants().writer()).await?,
        None => problems.push(wrong_password("currentPassword")),
    }
    if let Some(problem) = password::check(&input.new, "newPassword", &row.email, &row.name).await? {
        problems.push(problem);
    } else if is_right && input.new.expose_secret() == input.current.expose_secret() {
        problems.add(ProblemCode::Invalid, "newPassword", "is the one that you have; choose another one");
    }
    problems.check()?;
    let hash = password::hash(&input.new).await?;
    let now = app.clock().now();
    let tx = app.across_tenants().begin().await?;
    let changed = identity::update::<user::Entity>()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .col_expr(user::Column::UpdatedAt, Expr::value(now))
        .filter(user::Column::Id.eq(user_id))
        .filter(user::Column::PasswordHash.eq(row.password_hash.clone()))
        .exec(&tx)
        .await
        .doing("storing a password")?;
    if changed.rows_affected == 0 {
        return Err(Error::conflict(
            "currentPassword",
            "was changed a moment ago; try again with the new one",
        ));
    }
    end_of_user(&tx, user_id, Some(session_id), EndReason::PasswordChanged, now).await?;
    user_token::void(&tx, user_id, now).await?;
    audit::commit(tx, crate::user::entry(&row), "committing a password").await?;
    tracing::info!(user.id = %user_id, "a password was changed");
    Ok(())
}

/// The row of the person who asks.
pub(crate) async fn own_row(app: &App, user_id: Uuid) -> Result<user::Model> {
    identity::find::<user::Entity>()
        .filter(user::Column::Id.eq(user_id))
        .one(app.across_tenants().reader())
        .await
        .doing("reading a user")?
        .ok_or(Error::Unauthenticated)
}

/// Looks at the password of somebody who is signed in. A wrong one counts as a failed sign-in does, and so does the
/// attempt that comes back for a right one, until it is forgiven.
pub(crate) async fn prove(
    app: &App,
    row: &user::Model,
    password: &SecretString,
    address: Option<IpAddr>,
) -> Result<Option<Attempt>> {
    let attempt = Attempt::count(app, &row.email, address).await?;
    let hash = attempt.is_open.then(|| row.password_hash.clone());
    let is_right = password::verify(password, hash).await?.matches;
    Ok(is_right.then_some(attempt))
}

/// What is told of a password that is not right, or not looked at.
pub(crate) fn wrong_password(field: &str) -> Problem {
    let message = "is not your password, or there were too many attempts; wait some minutes and try again";
    Problem::invalid([field], message)
}

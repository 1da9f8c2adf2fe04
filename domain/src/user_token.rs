//! The tokens that people get by mail for a new password or a new mail address: each works once, for a while, and none
//! outlives a change of what it was given for.

use chrono::{DateTime, Duration, Utc};
use entity::user_token::{self, TokenPurpose};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::app::App;
use crate::error::{Doing, Error, Problem, Result};
use crate::identity;
use crate::one_time_token::{EMAIL_CONFIRMATION_START, PASSWORD_RESET_START, parse};

/// How long rows of tokens are kept after their end.
const ENDED_KEPT_DAYS: i64 = 30;

/// How tokens of a purpose begin.
pub(crate) fn start(purpose: TokenPurpose) -> &'static str {
    match purpose {
        TokenPurpose::PasswordReset => PASSWORD_RESET_START,
        TokenPurpose::EmailConfirmation => EMAIL_CONFIRMATION_START,
    }
}

/// Stores a token that is being sent, unless it is stored already.
pub(crate) async fn store(
    connection: &impl ConnectionTrait,
    token: &str,
    purpose: TokenPurpose,
    user_id: Uuid,
    email: Option<String>,
    (created_at, expires_at): (DateTime<Utc>, DateTime<Utc>),
) -> Result<()> {
    let (id, secret_hash) = parse(start(purpose), token)
        .ok_or_else(|| Error::internal("storing a token", "the token in a letter does not parse"))?;
    let there = identity::find::<user_token::Entity>()
        .filter(user_token::Column::Id.eq(id))
        .one(connection)
        .await
        .doing("reading a token")?;
    if there.is_some() {
        return Ok(());
    }
    let row =
        user_token::Model { id, user_id, purpose, email, secret_hash, created_at, expires_at, used_at: None };
    identity::insert::<user_token::Entity>(connection, row, "storing a token").await
}

/// The row of a token that is still good.
///
/// # Errors
/// Rejected: `INVALID` token.
pub(crate) async fn find(
    app: &App,
    token: &SecretString,
    purpose: TokenPurpose,
    now: DateTime<Utc>,
) -> Result<user_token::Model> {
    let (id, secret_hash) = parse(start(purpose), token.expose_secret()).ok_or_else(refused)?;
    identity::find::<user_token::Entity>()
        .filter(user_token::Column::Id.eq(id))
        .filter(user_token::Column::Purpose.eq(purpose))
        .one(app.across_tenants().reader())
        .await
        .doing("reading a token")?
        .filter(|row| row.secret_hash == secret_hash && row.used_at.is_none() && row.expires_at > now)
        .ok_or_else(refused)
}

/// Uses a token up, in the transaction of what it is used for.
///
/// # Errors
/// Rejected: `INVALID` token when another request was quicker.
pub(crate) async fn spend(connection: &impl ConnectionTrait, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    let spent = identity::update::<user_token::Entity>()
        .col_expr(user_token::Column::UsedAt, Expr::value(Some(now)))
        .filter(user_token::Column::Id.eq(id))
        .filter(user_token::Column::UsedAt.is_null())
        .filter(user_token::Column::ExpiresAt.gt(now))
        .exec(connection)
        .await
        .doing("using a token")?;
    if spent.rows_affected == 1 { Ok(()) } else { Err(refused()) }
}

/// Makes every token of a person void: what they were given for has changed.
pub(crate) async fn void(connection: &impl ConnectionTrait, user_id: Uuid, now: DateTime<Utc>) -> Result<()> {
    identity::update::<user_token::Entity>()
        .col_expr(user_token::Column::UsedAt, Expr::value(Some(now)))
        .filter(user_token::Column::UserId.eq(user_id))
        .filter(user_token::Column::UsedAt.is_null())
        .exec(connection)
        .await
        .doing("making tokens void")?;
    Ok(())
}

/// Deletes rows of tokens that ended long ago. Returns how many.
pub(crate) async fn purge(connection: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64> {
    let deleted = identity::delete::<user_token::Entity>()
        .filter(user_token::Column::ExpiresAt.lt(now - Duration::days(ENDED_KEPT_DAYS)))
        .exec(connection)
        .await
        .doing("deleting old tokens")?;
    Ok(deleted.rows_affected)
}

/// In the same words whether it is unknown, used, void or too old.
pub(crate) fn refused() -> Error {
    let message = "is not good, or no longer: a link works once, and not for long; ask for another mail";
    Error::rejected(Problem::invalid(["token"], message))
}

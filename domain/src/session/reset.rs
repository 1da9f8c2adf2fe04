//! A way to a new password for who lost theirs: a mail with a token. Asking does the same work whether anybody has the
//! address: who has it is looked up when the mail is sent (`background::mail`).

use std::net::IpAddr;

use chrono::Duration;
use entity::user;
use entity::user_token::TokenPurpose;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};

use super::{EndReason, end_of_user};
use crate::app::App;
use crate::audit;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::new_id;
use crate::identity;
use crate::mail::{self, Letter, Notice};
use crate::one_time_token::{self, PASSWORD_RESET_START};
use crate::password;
use crate::sign_in_attempt;
use crate::user as users;
use crate::user_token;
use crate::validation::Problems;

/// How long a mail for a new password is good.
pub const PASSWORD_RESET_MINUTES: i64 = 60;

/// Sends a mail for a new password to a person with this address, if there is one. The answer does not tell, nor does
/// the time it takes.
///
/// # Errors
/// Rejected: `NOT_CONFIGURED` where no mail is sent; what is no mail address; `LIMIT_REACHED` after too many for the
/// address or from the caller's network, whether anybody has the address or not.
pub async fn request(app: &App, email: &str, address: Option<IpAddr>) -> Result<()> {
    mail::links(app, "a new password by mail")?;
    let mut problems = Problems::default();
    let email = problems.email(email);
    problems.check()?;
    if !sign_in_attempt::count_mail(app, "password reset", &email, address).await? {
        let none: [&str; 0] = [];
        let message = "too many mails were asked for; wait some minutes and try again";
        return Err(Error::rejected(Problem::new(ProblemCode::LimitReached, none, message)));
    }
    let now = app.clock().now();
    let (token, _hash) = one_time_token::generate(PASSWORD_RESET_START, new_id());
    let letter = Letter::PasswordReset { email, token: token.expose_secret().to_owned() };
    let expires_at = now + Duration::minutes(PASSWORD_RESET_MINUTES);
    mail::queue(app, app.across_tenants().writer(), &letter, None, now, expires_at).await?;
    audit::tell_done();
    tracing::info!("a new password by mail was asked for");
    Ok(())
}

/// Sets a new password by the token of a mail, and ends every session of the person. It signs nobody in: a second factor
/// is asked for as ever.
///
/// # Errors
/// Rejected: `INVALID` token; a bad password, with which the token stays good.
pub async fn reset(app: &App, token: &SecretString, new: &SecretString) -> Result<()> {
    let now = app.clock().now();
    let row = user_token::find(app, token, TokenPurpose::PasswordReset, now).await?;
    let user = identity::find::<user::Entity>()
        .filter(user::Column::Id.eq(row.user_id))
        .one(app.across_tenants().reader())
        .await
        .doing("reading a user")?
        .filter(|user| user.disabled_at.is_none())
        .ok_or_else(user_token::refused)?;
    if let Some(problem) = password::check(new, "password", &user.email, &user.name).await? {
        return Err(Error::rejected(problem));
    }
    let hash = password::hash(new).await?;
    let tx = app.across_tenants().begin().await?;
    user_token::spend(&tx, row.id, now).await?;
    let changed = identity::update::<user::Entity>()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .col_expr(user::Column::UpdatedAt, Expr::value(now))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::DisabledAt.is_null())
        .exec(&tx)
        .await
        .doing("storing a password")?;
    if changed.rows_affected == 0 {
        return Err(user_token::refused());
    }
    end_of_user(&tx, user.id, None, EndReason::PasswordChanged, now).await?;
    user_token::void(&tx, user.id, now).await?;
    // Whoever lost their password has tried a few. Codes of a second factor can't be tried without the new one.
    sign_in_attempt::unlock(&tx, &user.email).await?;
    mail::notify(app, &tx, &user.email, Notice::PasswordReset, now).await?;
    audit::commit(tx, users::entry(&user).by(&user), "committing a password").await?;
    tracing::info!(user.id = %user.id, "a password was reset by mail");
    Ok(())
}

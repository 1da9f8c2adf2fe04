//! A person's own mail address: a new one counts when it was shown to be read. Who else has an address is told to who
//! reads its mail, and to nobody else.

use std::net::IpAddr;

use chrono::Duration;
use entity::user;
use entity::user_token::TokenPurpose;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};

use super::own::{own_row, prove, wrong_password};
use crate::actor::Actor;
use crate::app::App;
use crate::audit;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::new_id;
use crate::identity;
use crate::mail::{self, Letter, Notice};
use crate::one_time_token::{self, EMAIL_CONFIRMATION_START};
use crate::sign_in_attempt;
use crate::user as users;
use crate::user_token;
use crate::validation::Problems;

/// How long a mail to confirm an address is good.
pub const EMAIL_CONFIRMATION_HOURS: i64 = 24;

/// Asks to change the caller's own mail address: a mail goes to the new one to confirm it, and a note to the present
/// one. The answer is the same when somebody has the new address. An earlier request is void.
///
/// # Errors
/// Denied to whoever is not a signed-in person. Rejected: `NOT_CONFIGURED` where no mail is sent; `INVALID` password,
/// also while the account or the address is locked; a bad email; `LIMIT_REACHED` after too many requests.
pub async fn request(
    actor: &Actor,
    new: &str,
    password: &SecretString,
    address: Option<IpAddr>,
) -> Result<()> {
    let (user_id, _session_id) = actor.own_session()?;
    let app = actor.app();
    mail::links(app, "a change of the mail address")?;
    let row = own_row(app, user_id).await?;
    let mut problems = Problems::default();
    let email = problems.email(new);
    if email == row.email {
        problems.add(ProblemCode::Invalid, "email", "is the one that you have");
    }
    match prove(app, &row, password, address).await? {
        Some(attempt) => attempt.take_back(app.across_tenants().writer()).await?,
        None => problems.push(wrong_password("password")),
    }
    problems.check()?;
    if !sign_in_attempt::count_mail(app, "change of address", &row.id.to_string(), address).await? {
        let message = "too many mails were asked for; wait some minutes and try again";
        return Err(Error::rejected(Problem::new(ProblemCode::LimitReached, ["email"], message)));
    }
    let now = app.clock().now();
    let expires_at = now + Duration::hours(EMAIL_CONFIRMATION_HOURS);
    let (token, _hash) = one_time_token::generate(EMAIL_CONFIRMATION_START, new_id());
    let tx = app.across_tenants().begin().await?;
    user_token::void(&tx, user_id, now).await?;
    user_token::store(
        &tx,
        token.expose_secret(),
        TokenPurpose::EmailConfirmation,
        user_id,
        Some(email.clone()),
        (now, expires_at),
    )
    .await?;
    let letter =
        Letter::EmailConfirmation { user_id, email: email.clone(), token: token.expose_secret().to_owned() };
    mail::queue(app, &tx, &letter, None, now, expires_at).await?;
    mail::notify(app, &tx, &row.email, Notice::EmailChange { new_email: email }, now).await?;
    audit::commit(tx, users::entry(&row), "committing a request to change a mail address").await?;
    tracing::info!(user.id = %user_id, "a change of the mail address was asked for");
    Ok(())
}

/// Confirms a new mail address by the token of its mail; it is the person's from now on. Answers with the address.
///
/// # Errors
/// Rejected: `INVALID` token; `CONFLICT` token when somebody took the address meanwhile.
pub async fn confirm(app: &App, token: &SecretString) -> Result<String> {
    let now = app.clock().now();
    let row = user_token::find(app, token, TokenPurpose::EmailConfirmation, now).await?;
    let email =
        row.email.ok_or_else(|| Error::internal("confirming a mail address", "the token has none"))?;
    let user = own_row(app, row.user_id).await?;
    let tx = app.across_tenants().begin().await?;
    user_token::spend(&tx, row.id, now).await?;
    let changed = identity::update::<user::Entity>()
        .col_expr(user::Column::Email, Expr::value(email.clone()))
        .col_expr(user::Column::UpdatedAt, Expr::value(now))
        .filter(user::Column::Id.eq(row.user_id))
        .filter(user::Column::DisabledAt.is_null())
        .exec(&tx)
        .await
        .doing("storing a mail address");
    match changed {
        Ok(changed) if changed.rows_affected == 1 => {}
        Ok(_disabled) => return Err(user_token::refused()),
        Err(error) if identity::unique_violation(&error).is_some() => {
            return Err(Error::conflict("token", "can't be used: another user has this mail address by now"));
        }
        Err(error) => return Err(error),
    }
    // Tokens that went to the address before are worth nothing any more.
    user_token::void(&tx, row.user_id, now).await?;
    audit::commit(tx, users::entry(&user).by(&user), "committing a mail address").await?;
    tracing::info!(user.id = %row.user_id, "a mail address was changed");
    Ok(email)
}

//! The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for who lost it. A code is
//! looked at only after the right password, is taken once, and a wrong one counts as a wrong password does.
//!
//! Deliberately absent: other factors (passkeys, codes by mail), and devices that are asked no more.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use entity::{recovery_code, second_factor, user};
use rand::RngExt;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, PaginatorTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Totp};
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::audit;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::identity;
use crate::mail::{self, Notice};
use crate::permission::Permission;
use crate::session::own::{own_row, prove, wrong_password};
use crate::session::{self, EndReason};
use crate::sign_in_attempt::Attempt;
use crate::user::{self as users, User};

/// What an authenticator app shows above the code.
const ISSUER: &str = "Trestle";
/// Bytes of a shared secret: as long as the hash, as RFC 4226, section 4, recommends.
const SECRET_BYTES: usize = 20;
/// Digits of a code.
const DIGITS: u8 = 6;
/// Seconds that a code is shown.
const STEP_SECONDS: u64 = 30;
/// Steps that a clock may be ahead or behind: RFC 6238, section 5.2, recommends one.
const SKEW_STEPS: u16 = 1;
/// Recovery codes that a person gets at once.
pub const RECOVERY_CODES: usize = 10;
/// Characters of a recovery code: 80 bits, so that a fast hash keeps them.
const RECOVERY_CHARS: usize = 16;
/// Characters that stand together in a recovery code.
const RECOVERY_GROUP_CHARS: usize = 4;
/// Letters and digits that can't be taken for each other.
const RECOVERY_ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// Longest code that is looked at, in characters: with spaces and dashes.
const CODE_CHARS_MAX: usize = 40;

/// What a person puts into their authenticator app. It is shown once.
#[derive(Clone, Debug)]
pub struct Enrollment {
    /// The secret in base 32, to be typed.
    pub secret: SecretString,
    /// `otpauth://totp/…` with the secret in it, to be shown as a QR code.
    pub url: SecretString,
}

/// A code that is right, and not used up yet.
#[derive(Debug)]
pub(crate) enum Code {
    /// Of the app, with its step.
    Step(i64),
    /// For recovery, as its hash.
    Recovery(Vec<u8>),
}

/// What came of asking for a second factor.
#[derive(Debug)]
pub(crate) enum Asked {
    /// The person has none.
    Nothing,
    /// There is one, and no code came.
    Missing,
    /// The code is wrong.
    Wrong,
    /// It is right; to be spent.
    Right(Code),
}

/// The password was right and no code came with it.
pub(crate) fn required() -> Error {
    let message = "is missing: the password is right, and this person signs in with a code of their authenticator app, \
                   or a recovery code";
    Error::rejected(Problem::new(ProblemCode::SecondFactorRequired, ["code"], message))
}

/// The code that came was wrong, or was used before.
pub(crate) fn wrong_code() -> Error {
    let message =
        "is not right, or was used already; wait for the next one of your app, or use a recovery code";
    Error::rejected(Problem::invalid(["code"], message))
}

/// Looks at the code of somebody whose password was right. Nothing is used up yet.
pub(crate) async fn ask(
    app: &App,
    user: &user::Model,
    code: Option<&SecretString>,
    now: DateTime<Utc>,
) -> Result<Asked> {
    if user.second_factor_at.is_none() {
        return Ok(Asked::Nothing);
    }
    match code.map(|code| normal(code.expose_secret())) {
        None => Ok(Asked::Missing),
        Some(code) if code.is_empty() => Ok(Asked::Missing),
        Some(code) => Ok(look_at(app, user, &code, now).await?.map_or(Asked::Wrong, Asked::Right)),
    }
}

/// Uses a code up, in the transaction of what it is given for.
///
/// # Errors
/// Rejected: `INVALID` code when it was used before, also a moment ago by another request.
pub(crate) async fn spend(
    tx: &DatabaseTransaction,
    user_id: Uuid,
    code: &Code,
    now: DateTime<Utc>,
) -> Result<()> {
    let spent = match code {
        Code::Step(step) => identity::update::<second_factor::Entity>()
            .col_expr(second_factor::Column::LastStep, Expr::value(Some(*step)))
            .filter(second_factor::Column::UserId.eq(user_id))
            .filter(second_factor::Column::ConfirmedAt.is_not_null())
            .filter(second_factor::Column::LastStep.is_null().or(second_factor::Column::LastStep.lt(*step)))
            .exec(tx)
            .await
            .doing("using a code")?,
        Code::Recovery(hash) => identity::update::<recovery_code::Entity>()
            .col_expr(recovery_code::Column::UsedAt, Expr::value(Some(now)))
            .filter(recovery_code::Column::UserId.eq(user_id))
            .filter(recovery_code::Column::CodeHash.eq(hash.clone()))
            .filter(recovery_code::Column::UsedAt.is_null())
            .exec(tx)
            .await
            .doing("using a recovery code")?,
    };
    if spent.rows_affected == 1 { Ok(()) } else { Err(wrong_code()) }
}

/// Begins to set up a second factor for the caller: makes the secret that their app is to have. It is asked for when
/// [`confirm`] has seen a code of it. Beginning again makes another secret.
///
/// # Errors
/// Denied to whoever is not a signed-in person. Rejected: `INVALID` password, also while the account or the address is
/// locked; `CONFLICT` password for who has one already.
pub async fn enroll(actor: &Actor, password: &SecretString, address: Option<IpAddr>) -> Result<Enrollment> {
    let (user_id, _session_id) = actor.own_session_before_enrolling()?;
    let app = actor.app();
    let row = own_row(app, user_id).await?;
    let attempt = prove(app, &row, password, address).await?;
    let attempt = attempt.ok_or_else(|| Error::rejected(wrong_password("password")))?;
    attempt.take_back(app.across_tenants().writer()).await?;
    let has_one = || Error::conflict("password", "is right, but you have a second factor; turn it off first");
    if row.second_factor_at.is_some() {
        return Err(has_one());
    }
    let secret: [u8; SECRET_BYTES] = rand::random();
    let totp = totp(&secret, Some(&row.email))?;
    let url = totp.to_url().doing("making the URL of a second factor")?;
    let now = app.clock().now();
    let sealed_secret = app.seal(Uuid::nil(), user_id, &secret)?;
    let tx = app.across_tenants().begin().await?;
    identity::delete::<second_factor::Entity>()
        .filter(second_factor::Column::UserId.eq(user_id))
        .filter(second_factor::Column::ConfirmedAt.is_null())
        .exec(&tx)
        .await
        .doing("forgetting a second factor that was begun")?;
    let new =
        second_factor::Model { user_id, sealed_secret, created_at: now, confirmed_at: None, last_step: None };
    match identity::insert::<second_factor::Entity>(&tx, new, "storing a second factor").await {
        Ok(()) => {}
        // Confirmed a moment ago.
        Err(error) if identity::unique_violation(&error).is_some() => return Err(has_one()),
        Err(error) => return Err(error),
    }
    audit::commit(tx, users::entry(&row), "committing a second factor").await?;
    Ok(Enrollment { secret: totp.secret().to_base32().into(), url: url.into() })
}

/// Turns the caller's second factor on, by a code of it, and ends their other sessions, which began without it. Answers
/// with recovery codes, which are shown once.
///
/// # Errors
/// Denied to whoever is not a signed-in person. Rejected: `CONFLICT` code when none was begun, or it is on; `INVALID`
/// code, also while the account or the address is locked.
pub async fn confirm(
    actor: &Actor,
    code: &SecretString,
    address: Option<IpAddr>,
) -> Result<Vec<SecretString>> {
    let (user_id, session_id) = actor.own_session_before_enrolling()?;
    let app = actor.app();
    let row = own_row(app, user_id).await?;
    let not_begun = || Error::conflict("code", "is for nothing: first let us make a secret for your app");
    let begun =
        find(app, user_id).await?.filter(|begun| begun.confirmed_at.is_none()).ok_or_else(not_begun)?;
    let attempt = Attempt::count(app, &row.email, address).await?;
    if !attempt.is_open {
        return Err(wrong_code());
    }
    let now = app.clock().now();
    let step = step_of(app, &row, &begun, &normal(code.expose_secret()), now)?.ok_or_else(wrong_code)?;
    let tx = app.across_tenants().begin().await?;
    let confirmed = identity::update::<second_factor::Entity>()
        .col_expr(second_factor::Column::ConfirmedAt, Expr::value(Some(now)))
        .col_expr(second_factor::Column::LastStep, Expr::value(Some(step)))
        .filter(second_factor::Column::UserId.eq(user_id))
        .filter(second_factor::Column::SealedSecret.eq(begun.sealed_secret))
        .filter(second_factor::Column::ConfirmedAt.is_null())
        .exec(&tx)
        .await
        .doing("turning a second factor on")?;
    if confirmed.rows_affected == 0 {
        return Err(not_begun());
    }
    set_on(&tx, user_id, Some(now), now).await?;
    let codes = new_codes(&tx, user_id, now).await?;
    session::end_of_user(&tx, user_id, Some(session_id), EndReason::SecondFactorChanged, now).await?;
    attempt.take_back(&tx).await?;
    mail::notify(app, &tx, &row.email, Notice::SecondFactorOn, now).await?;
    audit::commit(tx, users::entry(&row), "committing a second factor").await?;
    tracing::info!(user.id = %user_id, "a second factor was turned on");
    Ok(codes)
}

/// Makes new recovery codes for the caller; those before are worth nothing any more.
///
/// # Errors
/// As [`disable`].
pub async fn regenerate_codes(
    actor: &Actor,
    password: &SecretString,
    code: &SecretString,
    address: Option<IpAddr>,
) -> Result<Vec<SecretString>> {
    let (user_id, _session_id) = actor.own_session()?;
    let (row, tx, now) = prove_both(actor, user_id, password, code, address).await?;
    let codes = new_codes(&tx, row.id, now).await?;
    audit::commit(tx, users::entry(&row), "committing recovery codes").await?;
    tracing::info!(user.id = %row.id, "recovery codes were made");
    Ok(codes)
}

/// Turns the caller's second factor off.
///
/// # Errors
/// Denied to whoever is not a signed-in person. Rejected: `INVALID` password or code, also while the account or the
/// address is locked; `SECOND_FACTOR_REQUIRED` for an empty code; `CONFLICT` code for who has no second factor.
pub async fn disable(
    actor: &Actor,
    password: &SecretString,
    code: &SecretString,
    address: Option<IpAddr>,
) -> Result<()> {
    let (user_id, _session_id) = actor.own_session()?;
    let (row, tx, now) = prove_both(actor, user_id, password, code, address).await?;
    remove(&tx, row.id, now).await?;
    mail::notify(actor.app(), &tx, &row.email, Notice::SecondFactorOff, now).await?;
    audit::commit(tx, users::entry(&row), "committing the end of a second factor").await?;
    tracing::info!(user.id = %row.id, "a second factor was turned off");
    Ok(())
}

/// Takes the second factor from a person who lost it and their recovery codes, and signs them out everywhere. Twice is
/// once.
///
/// # Errors
/// Denied without `users:manage`. Rejected: `NOT_FOUND` userId; `FORBIDDEN` userId for staff; `CONFLICT` userId for
/// oneself.
pub async fn reset(actor: &Actor, id: Uuid) -> Result<User> {
    let scope = actor.authorize(Permission::UserManage)?;
    let row = users::managed(actor, &scope, id).await?;
    if users::is_self(actor, id) {
        return Err(Error::conflict("userId", "is you; turn your second factor off by a code of it"));
    }
    let app = scope.app();
    let now = app.clock().now();
    let tx = app.across_tenants().begin().await?;
    remove(&tx, id, now).await?;
    if row.second_factor_at.is_some() {
        session::end_of_user(&tx, id, None, EndReason::SecondFactorChanged, now).await?;
        mail::notify(app, &tx, &row.email, Notice::SecondFactorReset, now).await?;
    }
    audit::commit(tx, users::entry(&row), "committing the end of a second factor").await?;
    tracing::info!(user.id = %id, "a second factor was reset");
    Ok(User { updated_at: now, second_factor: false, ..row.into() })
}

/// How many recovery codes the caller has left; `None` without a second factor.
///
/// # Errors
/// Denied to whoever is not a signed-in person.
pub async fn recovery_codes_left(actor: &Actor) -> Result<Option<u64>> {
    let (user_id, _session_id) = actor.own_session_before_enrolling()?;
    if actor.second_factor() != Some(true) {
        return Ok(None);
    }
    let left = identity::find::<recovery_code::Entity>()
        .filter(recovery_code::Column::UserId.eq(user_id))
        .filter(recovery_code::Column::UsedAt.is_null())
        .count(actor.app().across_tenants().reader())
        .await
        .doing("counting recovery codes")?;
    Ok(Some(left))
}

/// Password and code of the caller, both right; the code is used up in the transaction that comes back.
async fn prove_both(
    actor: &Actor,
    user_id: Uuid,
    password: &SecretString,
    code: &SecretString,
    address: Option<IpAddr>,
) -> Result<(user::Model, DatabaseTransaction, DateTime<Utc>)> {
    let app = actor.app();
    let row = own_row(app, user_id).await?;
    let attempt = prove(app, &row, password, address).await?;
    let attempt = attempt.ok_or_else(|| Error::rejected(wrong_password("password")))?;
    let now = app.clock().now();
    let code = match ask(app, &row, Some(code), now).await? {
        Asked::Right(code) => code,
        Asked::Wrong => return Err(wrong_code()),
        Asked::Missing => {
            attempt.take_back(app.across_tenants().writer()).await?;
            return Err(required());
        }
        Asked::Nothing => {
            attempt.forgive(app.across_tenants().writer()).await?;
            return Err(Error::conflict("code", "is for nothing: you have no second factor"));
        }
    };
    let tx = app.across_tenants().begin().await?;
    spend(&tx, user_id, &code, now).await?;
    attempt.forgive(&tx).await?;
    Ok((row, tx, now))
}

async fn find(app: &App, user_id: Uuid) -> Result<Option<second_factor::Model>> {
    identity::find::<second_factor::Entity>()
        .filter(second_factor::Column::UserId.eq(user_id))
        .one(app.across_tenants().reader())
        .await
        .doing("reading a second factor")
}

async fn look_at(app: &App, user: &user::Model, code: &str, now: DateTime<Utc>) -> Result<Option<Code>> {
    if code.len() == RECOVERY_CHARS {
        let hash = hash(user.id, code);
        let there = identity::find::<recovery_code::Entity>()
            .filter(recovery_code::Column::UserId.eq(user.id))
            .filter(recovery_code::Column::CodeHash.eq(hash.clone()))
            .filter(recovery_code::Column::UsedAt.is_null())
            .one(app.across_tenants().reader())
            .await
            .doing("reading a recovery code")?;
        return Ok(there.map(|_row| Code::Recovery(hash)));
    }
    let Some(factor) = find(app, user.id).await? else {
        return Err(Error::internal(
            "asking for a second factor",
            "the person has one, and its secret is gone",
        ));
    };
    let step = step_of(app, user, &factor, code, now)?;
    Ok(step.filter(|step| factor.last_step.is_none_or(|last| last < *step)).map(Code::Step))
}

/// The step of a right code.
fn step_of(
    app: &App,
    user: &user::Model,
    factor: &second_factor::Model,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    if code.len() != usize::from(DIGITS) || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let secret = app.unseal(Uuid::nil(), user.id, &factor.sealed_secret)?;
    let seconds = u64::try_from(now.timestamp()).doing("reading the clock")?;
    totp(&secret, None)?.check(code, seconds).map(i64::try_from).transpose().doing("counting steps")
}

fn totp(secret: &[u8], account: Option<&str>) -> Result<Totp> {
    let mut builder = Builder::new()
        .with_secret(secret)
        .with_digits(DIGITS)
        .with_step_duration(STEP_SECONDS)
        .with_skew(SKEW_STEPS)
        .with_issuer(Some(ISSUER));
    if let Some(account) = account {
        builder = builder.with_account_name(account);
    }
    builder.build().doing("making a second factor")
}

async fn set_on(
    connection: &impl ConnectionTrait,
    user_id: Uuid,
    on: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    identity::update::<user::Entity>()
        .col_expr(user::Column::SecondFactorAt, Expr::value(on))
        .col_expr(user::Column::UpdatedAt, Expr::value(now))
        .filter(user::Column::Id.eq(user_id))
        .exec(connection)
        .await
        .doing("storing whether a second factor is asked for")?;
    Ok(())
}

async fn remove(connection: &impl ConnectionTrait, user_id: Uuid, now: DateTime<Utc>) -> Result<()> {
    set_on(connection, user_id, None, now).await?;
    remove_codes(connection, user_id).await?;
    identity::delete::<second_factor::Entity>()
        .filter(second_factor::Column::UserId.eq(user_id))
        .exec(connection)
        .await
        .doing("removing a second factor")?;
    Ok(())
}

async fn remove_codes(connection: &impl ConnectionTrait, user_id: Uuid) -> Result<()> {
    identity::delete::<recovery_code::Entity>()
        .filter(recovery_code::Column::UserId.eq(user_id))
        .exec(connection)
        .await
        .doing("removing recovery codes")?;
    Ok(())
}

async fn new_codes(
    connection: &impl ConnectionTrait,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<SecretString>> {
    remove_codes(connection, user_id).await?;
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let code = recovery_code();
        let code_hash = hash(user_id, &normal(&code));
        let row = recovery_code::Model { user_id, code_hash, created_at: now, used_at: None };
        identity::insert::<recovery_code::Entity>(connection, row, "storing a recovery code").await?;
        codes.push(code.into());
    }
    Ok(codes)
}

/// `abcd-efgh-jkmn-pqrs`
fn recovery_code() -> String {
    let mut rng = rand::rng();
    let mut code = String::with_capacity(RECOVERY_CHARS + RECOVERY_CHARS / RECOVERY_GROUP_CHARS);
    for index in 0..RECOVERY_CHARS {
        if index > 0 && index % RECOVERY_GROUP_CHARS == 0 {
            code.push('-');
        }
        code.push(char::from(RECOVERY_ALPHABET[rng.random_range(0..RECOVERY_ALPHABET.len())]));
    }
    code
}

/// A code without the spaces and dashes that people type; what is too long is none.
fn normal(code: &str) -> String {
    if code.chars().count() > CODE_CHARS_MAX {
        return "too long".to_owned();
    }
    code.chars().filter(|char| !char.is_whitespace() && *char != '-').collect::<String>().to_lowercase()
}

fn hash(user_id: Uuid, code: &str) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(user_id.as_bytes());
    digest.update(code);
    digest.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::{RECOVERY_ALPHABET, RECOVERY_CHARS, normal, recovery_code, totp};

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, SHA-1: the last six of its eight digits.
        let totp = totp(b"12345678901234567890", None).expect("a secret");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = seconds / 30;
            assert_eq!(totp.check(code, seconds), Some(step), "{seconds}");
            assert_eq!(totp.check(code, (step - 1) * 30), Some(step), "a clock that is a step behind");
            assert_eq!(totp.check(code, (step + 1) * 30 + 29), Some(step), "a clock that is a step ahead");
            assert_eq!(totp.check(code, (step + 2) * 30), None);
            if let Some(two_behind) = (step * 30).checked_sub(31) {
                assert_eq!(totp.check(code, two_behind), None);
            }
        }
    }

    #[test]
    fn apps_get_a_url_that_they_understand() {
        let totp = totp(b"12345678901234567890", Some("ada@example.com")).expect("a secret");
        assert_eq!(
            totp.to_url().expect("a URL"),
            "otpauth://totp/Trestle:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Trestle"
        );
    }

    #[test]
    fn recovery_codes_are_typed_as_people_type() {
        let code = recovery_code();
        assert_eq!(code.len(), RECOVERY_CHARS + 3, "{code}");
        assert!(normal(&code).bytes().all(|byte| RECOVERY_ALPHABET.contains(&byte)), "{code}");
        assert_eq!(normal(&format!(" {} ", code.to_uppercase().replace('-', " "))), normal(&code));
        assert_eq!(normal(" 123 456\n"), "123456");
        assert_eq!(normal(&"1".repeat(41)), "too long");
        assert_ne!(recovery_code(), code);
    }
}

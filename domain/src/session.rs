//! Signed-in users: a session is a family of refresh tokens, each used once. A token that comes twice was
//! stolen or lost, so it ends the family.
//!
//! Deliberately absent: single sign-on, and what a person sees of their sessions (`own`).

pub mod email;
pub mod own;
pub mod reset;

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use entity::{portal_session, refresh_token, session, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::actor::{Actor, Principal};
use crate::app::App;
use crate::audit::{self, AuditOutcome, Entry};
use crate::authentication::AuthenticationError;
use crate::checksum;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::identity;
use crate::invitation;
use crate::mail;
use crate::one_time_token::{self, ID_CHARS, SECRET_CHARS};
use crate::password;
use crate::second_factor::{self, Asked};
use crate::sign_in_attempt::{self, Attempt};
use crate::token::{ACCESS_TOKEN_MINUTES, TokenKind};
use crate::user_token;
use crate::validation::{EMAIL_BYTES_MAX, normal_email};

/// How long a session lasts at most; then its user signs in again.
pub const SESSION_DAYS: i64 = 30;
/// How long rows of sessions are kept after their end, for questions about who was signed in.
const ENDED_KEPT_DAYS: i64 = 30;
/// Start of every refresh token, so that a leaked one is recognised.
const REFRESH_START: &str = "trr_";
/// Longest `User-Agent` that is kept, in characters; browsers stay under 300.
const USER_AGENT_CHARS_MAX: usize = 300;
/// What everybody reads whose sign-in is refused, whatever the reason: it must not tell who is known.
const REFUSAL: &str = "mail address and password don't go together, or there were too many attempts; wait some minutes and try again";

/// What a person types.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Mail address, in any case.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// A code of the second factor, or a recovery code, of those who have one.
    pub code: Option<SecretString>,
}

/// Where a request comes from, as far as that is known.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The caller's IP address, not that of a proxy.
    pub address: Option<IpAddr>,
    /// `User-Agent`; what is longer than 300 characters is cut off.
    pub user_agent: Option<String>,
}

impl Origin {
    pub(crate) fn address_text(&self) -> Option<String> {
        self.address.map(|address| address.to_canonical().to_string())
    }

    /// As it is stored: PostgreSQL takes no NUL.
    pub(crate) fn user_agent_text(&self) -> Option<String> {
        let kept = |char: &char| !char.is_control();
        self.user_agent.as_ref().map(|text| text.chars().filter(kept).take(USER_AGENT_CHARS_MAX).collect())
    }
}

/// What a client gets: it keeps the refresh token, and uses the access token for each request.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// For `Authorization: Bearer`, for [`ACCESS_TOKEN_MINUTES`].
    pub access_token: SecretString,
    /// To be exchanged once for the next pair.
    pub refresh_token: SecretString,
    /// When the access token ends.
    pub expires_at: DateTime<Utc>,
    /// Who signed in.
    pub actor: Actor,
}

/// Why a session ended before its time; the words stand in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    SignedOut,
    Disabled,
    Reuse,
    PasswordChanged,
    SecondFactorChanged,
    ProviderRemoved,
}

impl EndReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Disabled => "disabled",
            Self::Reuse => "reuse",
            Self::PasswordChanged => "password_changed",
            Self::SecondFactorChanged => "second_factor_changed",
            Self::ProviderRemoved => "provider_removed",
        }
    }
}

/// Signs a person in. Failures are counted by account and by address, and too many of them lock either for 30 seconds
/// to 15 minutes.
///
/// # Errors
/// Rejected with `UNAUTHENTICATED`, after the same time and with the same words whether the address is unknown, the
/// password wrong, the person disabled, or the account or the caller's address locked. Only who gave the right password
/// hears of a second factor: `SECOND_FACTOR_REQUIRED` code when it is missing, `INVALID` code when it is not right.
pub async fn sign_in(app: &Arc<App>, input: SignIn, origin: &Origin) -> Result<SignedIn> {
    let email = normal_email(&input.email);
    let attempt = Attempt::count(app, &email, origin.address).await?;
    let user = if email.len() > EMAIL_BYTES_MAX || email.contains('\0') {
        None
    } else {
        identity::find::<user::Entity>()
            .filter(user::Column::Email.eq(email))
            .one(app.across_tenants().reader())
            .await
            .doing("reading a user by mail address")?
    };
    let hash = user.as_ref().filter(|_user| attempt.is_open).map(|user| user.password_hash.clone());
    let verified = password::verify(&input.password, hash).await?;
    let (tried, is_theirs) = (user, verified.matches);
    let Some(user) = tried.clone().filter(|user| is_theirs && user.disabled_at.is_none()) else {
        tracing::info!(sign_in.locked = !attempt.is_open, "a sign-in was refused");
        if !attempt.is_open {
            audit::leave_out();
        } else if let Some(user) = tried {
            audit::about(user.tenant_id, GlobalId::new(Kind::User, user.id));
        }
        return Err(unauthenticated(REFUSAL));
    };
    let now = app.clock().now();
    let code = match second_factor::ask(app, &user, input.code.as_ref(), now).await? {
        Asked::Nothing => None,
        Asked::Right(code) => Some(code),
        Asked::Missing => {
            audit::about(user.tenant_id, GlobalId::new(Kind::User, user.id));
            attempt.take_back(app.across_tenants().writer()).await?;
            return Err(second_factor::required());
        }
        Asked::Wrong => {
            audit::about(user.tenant_id, GlobalId::new(Kind::User, user.id));
            tracing::info!(user.id = %user.id, "a sign-in was refused by its code");
            return Err(second_factor::wrong_code());
        }
    };
    let renewed = if verified.outdated { Some(password::hash(&input.password).await?) } else { None };
    let tx = app.across_tenants().begin().await?;
    if let Some(code) = code {
        second_factor::spend(&tx, user.id, &code, now).await?;
    }
    if let Some(hash) = renewed {
        identity::update::<user::Entity>()
            .col_expr(user::Column::PasswordHash, Expr::value(hash))
            .filter(user::Column::Id.eq(user.id))
            .filter(user::Column::PasswordHash.eq(user.password_hash.clone()))
            .exec(&tx)
            .await
            .doing("storing a stronger password hash")?;
    }
    // After the user's row, as where an administrator sets a password: two that lock both take turns.
    attempt.forgive(&tx).await?;
    let opened = open(&tx, user.id, None, origin, now).await?;
    audit::commit(tx, entry(&user, opened.session_id), "committing a sign-in").await?;
    tracing::info!(user.id = %user.id, "signed in");
    opened.signed_in(app).await
}

/// A session that is stored, and its first refresh token.
pub(crate) struct Opened {
    user_id: Uuid,
    /// The session's row.
    pub(crate) session_id: Uuid,
    refresh_token: SecretString,
    ends_at: DateTime<Utc>,
}

impl Opened {
    /// After the commit: the tokens, and who they are of.
    pub(crate) async fn signed_in(self, app: &Arc<App>) -> Result<SignedIn> {
        signed_in(app, self.user_id, self.session_id, self.refresh_token, self.ends_at).await
    }
}

/// Stores a session of somebody who proved who they are, to us or to an identity provider.
pub(crate) async fn open(
    connection: &impl ConnectionTrait,
    user_id: Uuid,
    identity_provider_id: Option<Uuid>,
    origin: &Origin,
    now: DateTime<Utc>,
) -> Result<Opened> {
    let (session_id, ends_at) = (new_id(), now + Duration::days(SESSION_DAYS));
    let row = session::Model {
        id: session_id,
        user_id,
        created_at: now,
        expires_at: ends_at,
        ended_at: None,
        end_reason: None,
        last_used_at: Some(now),
        address: origin.address_text(),
        user_agent: origin.user_agent_text(),
        identity_provider_id,
    };
    identity::insert::<session::Entity>(connection, row, "storing a session").await?;
    let refresh_token = issue(connection, session_id, now).await?;
    Ok(Opened { user_id, session_id, refresh_token, ends_at })
}

/// Exchanges a refresh token for the next pair.
///
/// # Errors
/// Rejected with `UNAUTHENTICATED` when it is not good. One that was exchanged before ends the session.
pub async fn refresh(app: &Arc<App>, refresh_token: &SecretString, origin: &Origin) -> Result<SignedIn> {
    let refused = || unauthenticated("this session has ended; sign in again");
    let (token_id, secret_hash) = parse(refresh_token.expose_secret()).ok_or_else(refused)?;
    let now = app.clock().now();
    let tx = app.across_tenants().begin().await?;
    let token = identity::find::<refresh_token::Entity>()
        .filter(refresh_token::Column::Id.eq(token_id))
        .one(&tx)
        .await
        .doing("reading a refresh token")?
        .filter(|token| token.secret_hash == secret_hash)
        .ok_or_else(refused)?;
    let session = identity::find::<session::Entity>()
        .filter(session::Column::Id.eq(token.session_id))
        .one(&tx)
        .await
        .doing("reading a session")?
        .filter(|session| session.ended_at.is_none() && session.expires_at > now)
        .ok_or_else(refused)?;
    let user = identity::find::<user::Entity>()
        .filter(user::Column::Id.eq(session.user_id))
        .one(&tx)
        .await
        .doing("reading the user of a session")?
        .filter(|user| user.disabled_at.is_none())
        .ok_or_else(refused)?;
    let used = identity::update::<refresh_token::Entity>()
        .col_expr(refresh_token::Column::UsedAt, Expr::value(Some(now)))
        .filter(refresh_token::Column::Id.eq(token_id))
        .filter(refresh_token::Column::UsedAt.is_null())
        .exec(&tx)
        .await
        .doing("marking a refresh token as used")?;
    if used.rows_affected == 0 {
        end(&tx, session::Column::Id.eq(session.id), EndReason::Reuse, now).await?;
        let entry = entry(&user, session.id)
            .outcome(AuditOutcome::Denied)
            .detail(Some("a refresh token came twice; its session was ended".to_owned()));
        audit::commit(tx, entry, "committing the end of a session").await?;
        tracing::warn!(user.id = %user.id, "a refresh token came twice; its session was ended");
        return Err(refused());
    }
    identity::update::<session::Entity>()
        .col_expr(session::Column::LastUsedAt, Expr::value(Some(now)))
        .col_expr(session::Column::Address, Expr::value(origin.address_text()))
        .col_expr(session::Column::UserAgent, Expr::value(origin.user_agent_text()))
        .filter(session::Column::Id.eq(session.id))
        .exec(&tx)
        .await
        .doing("storing the use of a session")?;
    let next = issue(&tx, session.id, now).await?;
    audit::commit(tx, entry(&user, session.id), "committing a refresh").await?;
    signed_in(app, user.id, session.id, next, session.expires_at).await
}

/// Ends the caller's session; its tokens are refused from the next request on.
///
/// # Errors
/// [`Error::Unauthenticated`] for nobody; rejected for an API key, which has no session.
pub async fn sign_out(actor: &Actor) -> Result<()> {
    let app = actor.app();
    let now = app.clock().now();
    match actor.principal() {
        Principal::Anonymous => Err(Error::Unauthenticated),
        Principal::User { session_id, .. } => {
            let tx = app.across_tenants().begin().await?;
            end(&tx, session::Column::Id.eq(*session_id), EndReason::SignedOut, now).await?;
            let entry = Entry::of(actor.tenant_id(), Some(GlobalId::new(Kind::Session, *session_id)));
            audit::commit(tx, entry, "committing the end of a session").await
        }
        Principal::Portal { id } => {
            let tx = app.across_tenants().begin().await?;
            end_portal(&tx, portal_session::Column::Id.eq(*id), now).await?;
            let entry = Entry::of(actor.tenant_id(), Some(GlobalId::new(Kind::PortalSession, *id)));
            audit::commit(tx, entry, "committing the end of a portal session").await
        }
        Principal::ApiKey { .. } | Principal::View { .. } | Principal::Operator => {
            let none: [&str; 0] = [];
            let message = "only a session can be signed out; revoke the API key in its place";
            Err(Error::rejected(Problem::invalid(none, message)))
        }
    }
}

/// Deletes rows of sessions, invitations, mails and their tokens that ended long ago, and of failed sign-ins that no
/// longer count, in background work. Returns how many went.
///
/// # Errors
/// When the database fails.
pub async fn purge(app: &App) -> Result<u64> {
    let now = app.clock().now();
    let before = now - Duration::days(ENDED_KEPT_DAYS);
    let tx = app.across_tenants().begin().await?;
    let ended = Query::select()
        .column(session::Column::Id)
        .from(session::Entity)
        .and_where(session::Column::ExpiresAt.lt(before))
        .to_owned();
    identity::delete::<refresh_token::Entity>()
        .filter(refresh_token::Column::SessionId.in_subquery(ended))
        .exec(&tx)
        .await
        .doing("deleting refresh tokens of old sessions")?;
    let sessions = identity::delete::<session::Entity>()
        .filter(session::Column::ExpiresAt.lt(before))
        .exec(&tx)
        .await
        .doing("deleting old sessions")?;
    let portals = identity::delete::<portal_session::Entity>()
        .filter(portal_session::Column::ExpiresAt.lt(before))
        .exec(&tx)
        .await
        .doing("deleting old portal sessions")?;
    let left = crate::single_sign_on::purge(&tx, now).await?;
    let attempts = sign_in_attempt::purge(&tx, now).await?;
    let mails = mail::purge(&tx, now).await? + user_token::purge(&tx, now).await?;
    let invitations = invitation::purge(&tx, now).await?;
    tx.commit().await.doing("committing the deletion of old sessions")?;
    Ok(sessions.rows_affected + portals.rows_affected + left + attempts + mails + invitations)
}

/// Ends everything that a user holds: sessions, but for one that may be kept, and the portal sessions that they
/// minted.
pub(crate) async fn end_of_user(
    connection: &impl ConnectionTrait,
    user_id: Uuid,
    kept: Option<Uuid>,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut which = session::Column::UserId.eq(user_id);
    if let Some(kept) = kept {
        which = which.and(session::Column::Id.ne(kept));
    }
    end(connection, which, reason, now).await?;
    let principal = Principal::User { id: user_id, session_id: Uuid::nil() }.to_string();
    end_portal(connection, portal_session::Column::CreatedBy.eq(principal), now).await
}

/// Ends the portal sessions that an API key minted.
pub(crate) async fn end_of_key(
    connection: &impl ConnectionTrait,
    key_id: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    let principal = Principal::ApiKey { id: key_id }.to_string();
    end_portal(connection, portal_session::Column::CreatedBy.eq(principal), now).await
}

pub(crate) async fn end(
    connection: &impl ConnectionTrait,
    which: sea_orm::sea_query::SimpleExpr,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<()> {
    identity::update::<session::Entity>()
        .col_expr(session::Column::EndedAt, Expr::value(Some(now)))
        .col_expr(session::Column::EndReason, Expr::value(Some(reason.as_str())))
        .filter(which)
        .filter(session::Column::EndedAt.is_null())
        .exec(connection)
        .await
        .doing("ending sessions")?;
    Ok(())
}

pub(crate) async fn end_portal(
    connection: &impl ConnectionTrait,
    which: sea_orm::sea_query::SimpleExpr,
    now: DateTime<Utc>,
) -> Result<()> {
    identity::update::<portal_session::Entity>()
        .col_expr(portal_session::Column::EndedAt, Expr::value(Some(now)))
        .filter(which)
        .filter(portal_session::Column::EndedAt.is_null())
        .exec(connection)
        .await
        .doing("ending portal sessions")?;
    Ok(())
}

/// A new refresh token: `trr_`, its row's id, a secret of 32 random bytes, a checksum. Only a hash of the secret
/// is kept.
async fn issue(
    connection: &impl ConnectionTrait,
    session_id: Uuid,
    now: DateTime<Utc>,
) -> Result<SecretString> {
    let id = new_id();
    let (token, secret_hash) = one_time_token::generate(REFRESH_START, id);
    let row = refresh_token::Model { id, session_id, secret_hash, created_at: now, used_at: None };
    identity::insert::<refresh_token::Entity>(connection, row, "storing a refresh token").await?;
    Ok(token)
}

fn parse(token: &str) -> Option<(Uuid, Vec<u8>)> {
    // Those of before there were checksums are good until their sessions end.
    let without = REFRESH_START.len() + ID_CHARS + SECRET_CHARS;
    let body = if token.len() == without { token } else { checksum::check(token)? };
    one_time_token::parse_body(REFRESH_START, body)
}

async fn signed_in(
    app: &Arc<App>,
    user_id: Uuid,
    session_id: Uuid,
    refresh_token: SecretString,
    session_ends_at: DateTime<Utc>,
) -> Result<SignedIn> {
    let now = app.clock().now();
    let expires_at = std::cmp::min(now + Duration::minutes(ACCESS_TOKEN_MINUTES), session_ends_at);
    let subject = GlobalId::new(Kind::User, user_id).to_string();
    let access_token = app
        .signer()
        .sign(TokenKind::Access, subject, session_id, now, expires_at)
        .doing("signing an access token")?;
    // The token just made takes the path of every request, so that there is one place that makes actors.
    let actor = match app.authenticate(Some(access_token.expose_secret())).await {
        Ok(actor) => actor,
        Err(AuthenticationError::Unavailable(error)) => return Err(error),
        // Disabled or signed out a moment ago.
        Err(AuthenticationError::Invalid | AuthenticationError::Expired) => {
            return Err(unauthenticated("this session has ended; sign in again"));
        }
    };
    let expires_at = actor.expires_at().unwrap_or(expires_at);
    Ok(SignedIn { access_token, refresh_token, expires_at, actor })
}

/// For the audit log: what a person does with a session of theirs.
pub(crate) fn entry(user: &user::Model, session_id: Uuid) -> Entry {
    Entry::of(user.tenant_id, Some(GlobalId::new(Kind::Session, session_id))).by(user)
}

/// At no single field: which of them is wrong is not for the caller to know.
pub(crate) fn unauthenticated(message: &str) -> Error {
    let none: [&str; 0] = [];
    Error::rejected(Problem::new(ProblemCode::Unauthenticated, none, message))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::checksum;

    #[test]
    fn only_whole_refresh_tokens_are_looked_up() {
        let (id, secret) = ("0".repeat(32), "A".repeat(43));
        let old = format!("trr_{id}{secret}");
        let new = checksum::seal(old.clone());
        assert_eq!(new.len(), 85);
        assert!(parse(&old).is_some());
        assert_eq!(parse(&old), parse(&new));
        for index in 0..new.len() {
            let mut bytes = new.as_bytes().to_vec();
            bytes[index] = if bytes[index] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert!(parse(&changed).is_none(), "at {index}");
        }
        for wrong in [
            String::new(),
            "trr_".to_owned(),
            format!("{id}{secret}"),
            format!("trk_{id}{secret}"),
            format!("{old}A"),
            format!("{old}AAAAAA"),
            checksum::seal(format!("{old}A")),
            format!("trr_{id}"),
            format!("trr_{}{secret}", "g".repeat(32)),
            format!("trr_{id}{}", "!".repeat(43)),
            format!("trr_{}", "ä".repeat(50)),
        ] {
            assert!(parse(&wrong).is_none(), "{wrong}");
        }
    }
}

//! Portal sessions: what a portal's server mints for one of its end users. One tenant, a few scopes, minutes
//! to hours, no refresh. The token is shown once; its row ends it early.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::tenant::{self, TenantStatus};
use entity::user::Role;
use entity::{portal_cutoff, portal_session};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter};
use secrecy::SecretString;
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::audit;
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::identity;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::{Grant, Permission};
use crate::portal_key;
use crate::portal_key::token::{LEEWAY_SECONDS, LIFE_SECONDS_MAX, TOKEN_ID_CHARS_MAX, session_id};
use crate::scope::{Keyset, TxScope};
use crate::token::TokenKind;
use crate::validation::Problems;

pub use entity::portal_session::Model as PortalSession;

/// How long a portal session lasts when nobody says so, in seconds: one hour.
pub const TTL_SECONDS_DEFAULT: i64 = 3_600;
/// Shortest, in seconds: a page must have time to load.
pub const TTL_SECONDS_MIN: i64 = 60;
/// Longest, in seconds: one day; a portal's server mints the next one.
pub const TTL_SECONDS_MAX: i64 = 86_400;
/// Longest name of an end user, in characters.
pub const END_USER_CHARS_MAX: usize = 200;
/// Stands for the end user of a token that was ended before anybody used it.
const UNUSED: &str = "(never used)";
/// Scopes that a caller may name; more than there are permissions, so that repeating one is no error.
const SCOPES_NAMED_MAX: usize = 100;

/// A new portal session.
#[derive(Clone, Debug)]
pub struct CreatePortalSession {
    /// Whose data the end user sees. An id that can't be read is passed as nil, which names nothing.
    pub tenant_id: Uuid,
    /// The caller's own name for the end user; stands where it is said who did something.
    pub end_user: String,
    /// Permission names: of what PORTAL can have, and of what the caller has.
    pub scopes: Vec<String>,
    /// [`TTL_SECONDS_MIN`] to [`TTL_SECONDS_MAX`]; `None` is [`TTL_SECONDS_DEFAULT`].
    pub ttl_seconds: Option<i64>,
}

/// A portal session and its token, which nobody can read again.
#[derive(Clone, Debug)]
pub struct PortalToken {
    /// The session.
    pub portal_session: PortalSession,
    /// For `Authorization: Bearer`.
    pub token: SecretString,
}

/// Which portal sessions a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortalSessionFilter {
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// Of the end user with exactly this name.
    pub end_user: Option<String>,
    /// Only those whose tokens are good, or only those that have ended or expired.
    pub active: Option<bool>,
}

/// Sessions by id, those that the caller may see.
///
/// # Errors
/// Denied without `portal_sessions:create`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, PortalSession>> {
    let scope = actor.authorize(Permission::PortalSessionCreate)?;
    let rows = scope
        .find::<portal_session::Entity>()
        .of_ids(portal_session::Column::Id, ids.iter().copied())
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// A page of sessions by the time they were made, ended ones included, whoever made them. They are kept for 30 days
/// after they expire.
///
/// # Errors
/// Denied without `portal_sessions:create`; [`Error::Argument`] for a bad page or end user.
pub async fn list(
    actor: &Actor,
    filter: &PortalSessionFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<PortalSession>> {
    let scope = actor.authorize(Permission::PortalSessionCreate)?;
    let now = scope.app().clock().now();
    let keyset = Keyset { name: "portal_session", column: None, id: portal_session::Column::Id, direction };
    let end_user = filter.end_user.as_deref();
    if end_user.is_some_and(|name| name.contains('\0') || name.chars().count() > END_USER_CHARS_MAX) {
        let message = format!("`endUser` must have at most {END_USER_CHARS_MAX} characters and no NUL");
        return Err(Error::Argument { argument: "filter", message });
    }
    let active = portal_session::Column::EndedAt.is_null().and(portal_session::Column::ExpiresAt.gt(now));
    // Those that are good are few of all that are kept, and none of them is older than one may be.
    let made_from = filter.active.filter(|wanted| *wanted).map(|_| now - Duration::seconds(TTL_SECONDS_MAX));
    scope
        .find::<portal_session::Entity>()
        .of_tenant(filter.tenant_id)
        .one_of(portal_session::Column::EndUser, end_user.map(|name| [name]))
        .filter_some(filter.active, |wanted| if wanted { active } else { active.not() })
        .made_within(
            scope.app(),
            (portal_session::Column::CreatedAt, portal_session::Column::Id),
            made_from,
            None,
        )
        .page(&keyset, &page.check(keyset.name)?)
        .await
}

/// Mints a portal session.
///
/// # Errors
/// Denied without `portal_sessions:create`. Rejected: `NOT_FOUND` tenantId, `CONFLICT` when it is suspended;
/// a bad endUser; `REQUIRED` or `INVALID` scopes; `INVALID` ttlSeconds.
pub async fn create(actor: &Actor, input: CreatePortalSession) -> Result<PortalToken> {
    let scope = actor.authorize(Permission::PortalSessionCreate)?;
    let app = scope.app();
    let mut problems = Problems::default();
    let end_user = problems.text("endUser", &input.end_user, END_USER_CHARS_MAX);
    match scope.find::<tenant::Entity>().filter(tenant::Column::Id.eq(input.tenant_id)).one().await? {
        None => problems.add(ProblemCode::NotFound, "tenantId", "no tenant has this id"),
        Some(tenant) if tenant.status == TenantStatus::Suspended => {
            problems.add(ProblemCode::Conflict, "tenantId", "this tenant is suspended; resume it first");
        }
        Some(_active) => {}
    }
    let scopes = check_scopes(actor, &input.scopes, &mut problems);
    let ttl_seconds = input.ttl_seconds.unwrap_or(TTL_SECONDS_DEFAULT);
    if !(TTL_SECONDS_MIN..=TTL_SECONDS_MAX).contains(&ttl_seconds) {
        let message =
            format!("is {ttl_seconds}; it must be from {TTL_SECONDS_MIN} to {TTL_SECONDS_MAX} seconds");
        problems.add(ProblemCode::Invalid, "ttlSeconds", message);
    }
    problems.check()?;
    let id = new_id();
    let now = app.clock().made_at(id);
    let expires_at = now + Duration::seconds(ttl_seconds);
    let subject = GlobalId::new(Kind::PortalSession, id).to_string();
    let token =
        app.signer().sign(TokenKind::Portal, subject, id, now, expires_at).doing("signing a portal token")?;
    let tx = scope.begin(input.tenant_id).await?.ok_or_else(|| Error::not_found("tenantId", "tenant"))?;
    let row = portal_session::Model {
        id,
        tenant_id: input.tenant_id,
        end_user,
        scopes: entity::string_list::StringList(scopes.iter().map(|scope| scope.name().to_owned()).collect()),
        created_by: actor.principal().to_string(),
        created_at: now,
        expires_at,
        ended_at: None,
    };
    let portal_session = tx.insert::<portal_session::Entity>(row, "storing a portal session").await?;
    tx.about(Kind::PortalSession, id).detail(portal_session.scopes.0.join(" ")).commit().await?;
    Ok(PortalToken { portal_session, token })
}

/// Ends a session before its time: its token is refused from the next request on. Twice is once, and one that has
/// expired stays as it is.
///
/// # Errors
/// Denied without `portal_sessions:create`. Rejected: `NOT_FOUND` portalSessionId.
pub async fn end(actor: &Actor, id: Uuid) -> Result<PortalSession> {
    let scope = actor.authorize(Permission::PortalSessionCreate)?;
    let not_found = || Error::not_found("portalSessionId", "portal session");
    let row = scope.find::<portal_session::Entity>().of_id(portal_session::Column::Id, id).one().await?;
    let row = row.ok_or_else(not_found)?;
    let now = scope.app().clock().now();
    if row.ended_at.is_some() || row.expires_at <= now {
        return Ok(row);
    }
    let tx = scope.begin(row.tenant_id).await?.ok_or_else(not_found)?;
    audit::changes_identities();
    tx.update::<portal_session::Entity>()
        .col_expr(portal_session::Column::EndedAt, Expr::value(Some(now)))
        .filter(portal_session::Column::Id.eq(id))
        .filter(portal_session::Column::EndedAt.is_null())
        .exec(tx.connection())
        .await
        .doing("ending a portal session")?;
    tx.about(Kind::PortalSession, id).commit().await?;
    Ok(PortalSession { ended_at: Some(now), ..row })
}

/// What to end at once: by the end user, or by key and token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedSessions {
    /// All that this end user holds, also tokens that a portal's server has signed and nobody has used yet.
    pub end_user: Option<String>,
    /// The key that signed the one token. An id that can't be read is passed as nil, which names nothing.
    pub portal_key_id: Option<Uuid>,
    /// Its `jti`.
    pub token_id: Option<String>,
}

/// The same, checked.
enum Ended {
    OfEndUser(String),
    Signed { portal_key_id: Uuid, token_id: String },
}

impl EndedSessions {
    fn check(self, problems: &mut Problems) -> Option<Ended> {
        match (self.end_user, self.portal_key_id, self.token_id) {
            (Some(name), None, None) => {
                Some(Ended::OfEndUser(problems.text("endUser", &name, END_USER_CHARS_MAX)))
            }
            (None, Some(portal_key_id), Some(token_id)) => {
                let token_id = problems.text("tokenId", &token_id, TOKEN_ID_CHARS_MAX);
                Some(Ended::Signed { portal_key_id, token_id })
            }
            _ => {
                let message = "give either `endUser`, or `portalKeyId` with `tokenId`";
                problems.add(ProblemCode::Invalid, "endUser", message);
                None
            }
        }
    }
}

/// Ends portal sessions of one tenant by whom they are for, or by their signed token. Gives how many went on until now.
///
/// # Errors
/// Denied without `portal_sessions:create`. Rejected: `NOT_FOUND` tenantId; a bad endUser or tokenId.
pub async fn end_all(actor: &Actor, tenant_id: Uuid, ended: EndedSessions) -> Result<u64> {
    let scope = actor.authorize(Permission::PortalSessionCreate)?;
    let mut problems = Problems::default();
    let not_found = || Error::not_found("tenantId", "tenant");
    let tenant = scope.find::<tenant::Entity>().of_id(tenant::Column::Id, tenant_id).one().await?;
    if tenant.is_none() {
        problems.add(ProblemCode::NotFound, "tenantId", "no tenant has this id");
    }
    let ended = ended.check(&mut problems);
    problems.check()?;
    let ended =
        ended.ok_or_else(|| Error::internal("ending portal sessions", "the input was not checked"))?;
    let now = scope.app().clock().now();
    let tx = scope.begin(tenant_id).await?.ok_or_else(not_found)?;
    let (which, kind, about) = match ended {
        Ended::OfEndUser(end_user) => {
            refuse_signed_until(&tx, &end_user, now).await?;
            (portal_session::Column::EndUser.eq(end_user), Kind::Tenant, tenant_id)
        }
        Ended::Signed { portal_key_id, token_id } => {
            let id = session_id(portal_key_id, tenant_id, &token_id);
            refuse_unused(&tx, id, portal_key_id, now).await?;
            (portal_session::Column::Id.eq(id), Kind::PortalSession, id)
        }
    };
    audit::changes_identities();
    let ended = tx
        .update::<portal_session::Entity>()
        .col_expr(portal_session::Column::EndedAt, Expr::value(Some(now)))
        .filter(which)
        .filter(portal_session::Column::EndedAt.is_null())
        .filter(portal_session::Column::ExpiresAt.gt(now))
        .exec(tx.connection())
        .await
        .doing("ending portal sessions")?;
    tx.about(kind, about).commit().await?;
    Ok(ended.rows_affected)
}

/// Has tokens for this end user that were signed until now refused although no row tells of them.
async fn refuse_signed_until(tx: &TxScope, end_user: &str, now: DateTime<Utc>) -> Result<()> {
    tx.delete::<portal_cutoff::Entity>()
        .filter(portal_cutoff::Column::EndUser.eq(end_user))
        .exec(tx.connection())
        .await
        .doing("replacing the end of signed tokens")?;
    let row =
        portal_cutoff::Model { tenant_id: tx.tenant_id(), end_user: end_user.to_owned(), ended_at: now };
    tx.insert::<portal_cutoff::Entity>(row, "storing the end of signed tokens").await?;
    Ok(())
}

/// Has one signed token refused that nobody has used yet: its session is there, and ended, before it begins.
async fn refuse_unused(tx: &TxScope, id: Uuid, portal_key_id: Uuid, now: DateTime<Utc>) -> Result<()> {
    let row = portal_session::Model {
        id,
        tenant_id: tx.tenant_id(),
        end_user: UNUSED.to_owned(),
        scopes: entity::string_list::StringList(Vec::new()),
        created_by: portal_key::signer(portal_key_id),
        created_at: now,
        expires_at: now + Duration::seconds(LIFE_SECONDS_MAX + 2 * LEEWAY_SECONDS),
        ended_at: Some(now),
    };
    identity::insert_if_absent::<portal_session::Entity>(
        tx.connection(),
        row,
        "storing the end of a signed token",
    )
    .await
}

/// Deletes what tells of signed tokens that have expired since, in background work. Returns how many rows went.
///
/// # Errors
/// When the database fails.
pub(crate) async fn purge_cutoffs(app: &App) -> Result<u64> {
    let before = app.clock().now() - Duration::seconds(LIFE_SECONDS_MAX + 2 * LEEWAY_SECONDS);
    let deleted = identity::delete::<portal_cutoff::Entity>()
        .filter(portal_cutoff::Column::EndedAt.lt(before))
        .exec(app.across_tenants().writer())
        .await
        .doing("deleting ends of signed tokens")?;
    Ok(deleted.rows_affected)
}

/// Scopes of an end user: of what PORTAL can have, and of what the caller has.
pub(crate) fn check_scopes(actor: &Actor, names: &[String], problems: &mut Problems) -> Vec<Permission> {
    if names.is_empty() {
        problems.add(ProblemCode::Required, "scopes", "name at least one, e.g. `runs:read`");
    }
    if names.len() > SCOPES_NAMED_MAX {
        let message =
            format!("has {} elements; there are only {} permissions", names.len(), Permission::ALL.len());
        problems.add(ProblemCode::TooLong, "scopes", message);
        return Vec::new();
    }
    problems.scopes(names, |permission| match permission.of(Role::Portal) {
        Grant::Never => Err(format!("`{}` can't be given to a portal session", permission.name())),
        _ if !actor.permissions().contains(permission) => {
            Err(format!("`{}` can't be given on: you don't have it", permission.name()))
        }
        Grant::Always | Grant::Scope => Ok(()),
    })
}

//! Portal sessions: what a portal's server mints for one of its end users. One tenant, a few scopes, minutes
//! to hours, no refresh. The token is shown once; its row ends it early.

use chrono::{DateTime, Duration, Utc};
use entity::portal_session;
use entity::tenant::{self, TenantStatus};
use entity::user::Role;
use sea_orm::ColumnTrait;
use secrecy::SecretString;
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::id::new_id;
use crate::permission::{Grant, Permission};
use crate::token::TokenKind;
use crate::validation::Problems;

/// How long a portal session lasts when nobody says so, in seconds: one hour.
pub const TTL_SECONDS_DEFAULT: i64 = 3_600;
/// Shortest, in seconds: a page must have time to load.
pub const TTL_SECONDS_MIN: i64 = 60;
/// Longest, in seconds: one day; a portal's server mints the next one.
pub const TTL_SECONDS_MAX: i64 = 86_400;
/// Longest name of an end user, in characters.
pub const END_USER_CHARS_MAX: usize = 200;
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

/// A portal session's token.
#[derive(Clone, Debug)]
pub struct PortalToken {
    /// For `Authorization: Bearer`.
    pub token: SecretString,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
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
    let now = app.clock().now();
    let expires_at = now + Duration::seconds(ttl_seconds);
    let id = new_id();
    let subject = format!("portal_{}", id.simple());
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
    tx.insert::<portal_session::Entity>(row, "storing a portal session").await?;
    tx.commit().await?;
    Ok(PortalToken { token, expires_at })
}

fn check_scopes(actor: &Actor, names: &[String], problems: &mut Problems) -> Vec<Permission> {
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

//! Sessions that a portal's server makes for its end users.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::portal_session;
use secrecy::ExposeSecret;

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid};
use super::tenant::Tenant;

/// An end user's session in a portal: one tenant, some scopes, minutes to hours.
#[derive(Clone)]
pub struct PortalSession(pub(super) portal_session::PortalSession);

/// An end user's session in a portal: one tenant, some scopes, minutes to hours.
#[Object]
impl PortalSession {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::PortalSession, self.0.id)
    }

    /// The tenant whose data the end user sees.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// The portal's own name for the end user.
    fn end_user(&self) -> &str {
        &self.0.end_user
    }

    /// Names from the permission table, e.g. `failures:retry`.
    fn scopes(&self) -> &[String] {
        &self.0.scopes.0
    }

    /// When it was made.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When its token ends by itself.
    fn expires_at(&self) -> DateTime {
        self.0.expires_at.into()
    }

    /// Since when its token is refused before its time; null: it was not ended.
    fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(Into::into)
    }
}

/// Which portal sessions a list has.
#[derive(Debug, Default, InputObject)]
pub struct PortalSessionFilter {
    /// Of this tenant.
    tenant_id: Option<ID>,
    /// Of the end user with exactly this name. Staff name a tenant, too: of every tenant's sessions all that are newer are
    /// looked at.
    end_user: Option<String>,
    /// True: only those whose tokens are good. False: only those that have ended or expired.
    active: Option<bool>,
}

impl PortalSessionFilter {
    fn decode(self) -> portal_session::PortalSessionFilter {
        portal_session::PortalSessionFilter {
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
            end_user: self.end_user,
            active: self.active,
        }
    }
}

/// By what portal sessions are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum PortalSessionOrderField {
    /// By the time they were made.
    #[default]
    CreatedAt,
}

/// Order of a list of portal sessions; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct PortalSessionOrder {
    /// By what.
    #[graphql(default)]
    field: PortalSessionOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of portal sessions.
#[derive(Default)]
pub struct PortalSessionQuery;

#[Object]
impl PortalSessionQuery {
    /// Portal sessions of the tenants that the viewer may make them for, whoever made them; ended and expired ones
    /// included, for 30 days.
    #[expect(
        clippy::too_many_arguments,
        reason = "a connection has four arguments, besides its filter and its order"
    )]
    async fn portal_sessions(
        &self,
        ctx: &Context<'_>,
        filter: Option<PortalSessionFilter>,
        order_by: Option<PortalSessionOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<PortalSession>> {
        let filter = filter.unwrap_or_default().decode();
        let order = order_by.unwrap_or_default();
        // There is one order by now.
        let PortalSessionOrderField::CreatedAt = order.field;
        let page = arguments(first, after, last, before);
        let rows = portal_session::list(&actor(ctx)?, &filter, order.direction.into(), &page).await?;
        Ok(Connection::new(rows, PortalSession))
    }
}

/// A new portal session.
#[derive(InputObject)]
pub struct CreatePortalSessionInput {
    /// The tenant whose data the end user sees.
    tenant_id: ID,
    /// The portal's own name for the end user, at most 200 characters; stands where it is said who did something.
    end_user: String,
    /// Names from the permission table, e.g. `failures:retry`: of what PORTAL can have, and of what the caller has.
    scopes: Vec<String>,
    /// How long it lasts, in seconds: 60 to 86400; 3600 by default.
    ttl_seconds: Option<i32>,
}

/// Which portal session to end.
#[derive(InputObject)]
pub struct EndPortalSessionInput {
    /// Which session.
    portal_session_id: ID,
}

/// Which portal sessions of a tenant to end: those of an end user, or the one of a signed token.
#[derive(InputObject)]
pub struct EndPortalSessionsInput {
    /// Of this tenant.
    tenant_id: ID,
    /// All of the end user with exactly this name.
    end_user: Option<String>,
    /// The one of a token that a portal's server signed: the key that signed it, together with `tokenId`.
    portal_key_id: Option<ID>,
    /// The token's `jti`, together with `portalKeyId`.
    token_id: Option<String>,
}

/// What was ended, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct EndPortalSessionsPayload {
    /// How many sessions went on until now; null when `userErrors` is not empty.
    ended_count: Option<u64>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// A portal session's token, or what is wrong with the input.
#[derive(Default, SimpleObject)]
pub struct CreatePortalSessionPayload {
    /// The session; null when `userErrors` is not empty.
    portal_session: Option<PortalSession>,
    /// For `Authorization: Bearer` in the end user's browser. Shown this once; null when `userErrors` is not empty.
    token: Option<String>,
    /// When the token ends.
    expires_at: Option<DateTime>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// A portal session, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct PortalSessionPayload {
    /// The session; null when `userErrors` is not empty.
    portal_session: Option<PortalSession>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of portal sessions.
#[derive(Default)]
pub struct PortalSessionMutation;

#[Object]
impl PortalSessionMutation {
    /// Makes a token for one end user of a portal: one tenant, some scopes, minutes to hours.
    async fn create_portal_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session.")] input: CreatePortalSessionInput,
    ) -> Result<CreatePortalSessionPayload> {
        let new = portal_session::CreatePortalSession {
            tenant_id: uuid(Kind::Tenant, &input.tenant_id),
            end_user: input.end_user,
            scopes: input.scopes,
            ttl_seconds: input.ttl_seconds.map(i64::from),
        };
        let (created, user_errors) = outcome(portal_session::create(&actor(ctx)?, new).await)?;
        let Some(created) = created else {
            return Ok(CreatePortalSessionPayload { user_errors, ..Default::default() });
        };
        Ok(CreatePortalSessionPayload {
            token: Some(created.token.expose_secret().to_owned()),
            expires_at: Some(created.portal_session.expires_at.into()),
            portal_session: Some(PortalSession(created.portal_session)),
            user_errors,
        })
    }

    /// Ends a portal session before its time, e.g. when the end user signs out of the portal: its token is refused
    /// from the next request on. One that has ended or expired stays as it is.
    async fn end_portal_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session.")] input: EndPortalSessionInput,
    ) -> Result<PortalSessionPayload> {
        let ended =
            portal_session::end(&actor(ctx)?, uuid(Kind::PortalSession, &input.portal_session_id)).await;
        let (portal_session, user_errors) = outcome(ended)?;
        Ok(PortalSessionPayload { portal_session: portal_session.map(PortalSession), user_errors })
    }

    /// Ends all that an end user holds in a tenant, or the one token that a portal's server signed, used or not: they
    /// are refused from the next request on. For an end user that goes for every token that was signed until now.
    async fn end_portal_sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: EndPortalSessionsInput,
    ) -> Result<EndPortalSessionsPayload> {
        let portal_key_id = input.portal_key_id.as_ref().map(|id| uuid(Kind::PortalKey, id));
        let ended = portal_session::EndedSessions {
            end_user: input.end_user,
            portal_key_id,
            token_id: input.token_id,
        };
        let ended = portal_session::end_all(&actor(ctx)?, uuid(Kind::Tenant, &input.tenant_id), ended).await;
        let (ended_count, user_errors) = outcome(ended)?;
        Ok(EndPortalSessionsPayload { ended_count, user_errors })
    }
}

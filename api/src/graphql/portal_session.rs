//! Sessions that a portal's server makes for its end users.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::portal_session;
use secrecy::ExposeSecret;

use super::caller::actor;
use super::error::{Result, UserError, outcome};
use super::scalar::{DateTime, uuid};

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

/// A portal session's token, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct CreatePortalSessionPayload {
    /// For `Authorization: Bearer` in the end user's browser. Shown this once; null when `userErrors` is not empty.
    token: Option<String>,
    /// When the token ends.
    expires_at: Option<DateTime>,
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
        let (token, expires_at) = created
            .map(|created| (created.token.expose_secret().to_owned(), DateTime(created.expires_at)))
            .unzip();
        Ok(CreatePortalSessionPayload { token, expires_at, user_errors })
    }
}

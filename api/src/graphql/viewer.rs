//! Who is asking, told to themselves.

use async_graphql::{Context, Enum, Object};
use domain::{second_factor, session, viewer};

use super::caller::{actor, loaders};
use super::error::Result;
use super::page::{Connection, arguments};
use super::scalar::DateTime;
use super::session::Session;
use super::tenant::Tenant;
use super::user::User;

/// What a caller is allowed, by and large; the permission table has the detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Role")]
pub enum Role {
    /// Staff: manages tenants, staff and everything below.
    PlatformAdmin,
    /// Staff: builds integrations, reads technical detail.
    Engineer,
    /// Staff: looks into failures, retries, pauses.
    Support,
    /// A tenant's person: manages its people, keys, systems and integrations.
    TenantAdmin,
    /// A tenant's person: starts and retries, reads records.
    TenantMember,
    /// A tenant's person: looks, and changes nothing.
    TenantViewer,
    /// A program with an API key: scopes, and a set of tenants.
    Partner,
    /// An end user's session in a portal: one tenant, some scopes, minutes to hours.
    Portal,
}

/// The layer of information a viewer may read: each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Audience")]
pub enum Audience {
    /// Everybody who may see the object.
    Customer,
    /// Support staff and above.
    Support,
    /// Engineers and platform administrators.
    Engineer,
}

/// Who is asking.
#[derive(Clone)]
pub struct Viewer(pub(super) viewer::Viewer);

/// Who is asking.
#[Object]
impl Viewer {
    /// The role.
    fn role(&self) -> Role {
        self.0.role.into()
    }

    /// The layer of information that is read.
    fn audience(&self) -> Audience {
        self.0.audience.into()
    }

    /// The one tenant of a tenant-side viewer; null for staff and for partners with several tenants.
    async fn tenant(&self, ctx: &Context<'_>) -> Option<Result<Tenant>> {
        let id = self.0.tenant_id?;
        let tenant = async { loaders(ctx)?.row(id).await };
        tenant.await.transpose().map(|tenant| tenant.map(Tenant))
    }

    /// The person who is signed in; null for API keys and portal sessions.
    async fn user(&self, ctx: &Context<'_>) -> Option<Result<User>> {
        let id = self.0.user_id?;
        let user = async { loaders(ctx)?.row(id).await };
        user.await.transpose().map(|user| user.map(User))
    }

    /// The language of what it reads of failures and actions (BCP 47), by the request's `Accept-Language`: `en`, `de`.
    fn locale(&self) -> &str {
        self.0.locale.tag()
    }

    /// Names from the permission table, e.g. `failures:retry`; while the tenant is suspended, none that changes
    /// anything.
    fn permissions(&self) -> Vec<&'static str> {
        self.0.permissions.iter().map(|permission| permission.name()).collect()
    }

    /// Whether signing in asks this person for a code of an authenticator app, too; null for API keys and portal
    /// sessions.
    fn second_factor(&self) -> Option<bool> {
        self.0.second_factor
    }

    /// Whether this person may do nothing before they set up a second factor, as staff must where the operator says so:
    /// until then `permissions` is empty.
    fn second_factor_required(&self) -> bool {
        self.0.second_factor_required
    }

    /// How many recovery codes of the second factor are left; null without one.
    async fn recovery_codes_left(&self, ctx: &Context<'_>) -> Option<Result<i32>> {
        let left = async { Ok(second_factor::recovery_codes_left(&actor(ctx)?).await?) };
        let left: Option<Result<u64>> = left.await.transpose();
        left.map(|left| left.map(|left| i32::try_from(left).unwrap_or(i32::MAX)))
    }

    /// When the token that was sent ends; null for an API key without an end.
    fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(Into::into)
    }

    /// Where the person is signed in: their sessions that have not ended, newest first.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Session>> {
        let rows = session::own::list(&actor(ctx)?, &arguments(first, after, last, before)).await?;
        Ok(Connection::new(rows, Session))
    }
}

/// Queries of the viewer.
#[derive(Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Who is asking.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        Ok(Viewer(viewer::get(&actor(ctx)?)?))
    }
}

//! Staff see what a tenant's people see.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::view;
use secrecy::ExposeSecret;

use super::caller::actor;
use super::error::{Result, UserError, outcome};
use super::scalar::{DateTime, uuid};
use super::tenant::Tenant;

/// As whom of a tenant one looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::view::ViewRole")]
#[expect(clippy::enum_variant_names, reason = "the names of roles")]
pub enum ViewRole {
    /// Who manages its people, keys, systems and integrations.
    TenantAdmin,
    /// Who starts and retries.
    TenantMember,
    /// Who looks.
    TenantViewer,
}

/// Whose view to see.
#[derive(InputObject)]
pub struct ViewAsInput {
    /// The tenant.
    tenant_id: ID,
    /// As whom; TENANT_ADMIN when absent or null.
    role: Option<ViewRole>,
}

/// A view's token, or what is wrong with the input.
#[derive(Default, SimpleObject)]
pub struct ViewAsPayload {
    /// Whose view it is; null when `userErrors` is not empty.
    tenant: Option<Tenant>,
    /// For `Authorization: Bearer`, in place of one's own token. Shown this once; null when `userErrors` is not empty.
    token: Option<String>,
    /// When the token ends, after 15 minutes; ask for another one with one's own.
    expires_at: Option<DateTime>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of views.
#[derive(Default)]
pub struct ViewMutation;

/// Mutations of views.
#[Object]
impl ViewMutation {
    /// Gives staff a token with which they see what somebody of a tenant sees: what that role may read, in the words that
    /// customers read, and nothing that changes anything. Records stay closed to staff. It ends with the caller's session; that
    /// somebody looked is in the tenant's audit log.
    async fn view_as(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose view.")] input: ViewAsInput,
    ) -> Result<ViewAsPayload> {
        let role = input.role.map_or(view::ViewRole::TenantAdmin, Into::into);
        let begun = view::begin(&actor(ctx)?, uuid(Kind::Tenant, &input.tenant_id), role).await;
        let (begun, user_errors) = outcome(begun)?;
        let Some(begun) = begun else { return Ok(ViewAsPayload { user_errors, ..Default::default() }) };
        Ok(ViewAsPayload {
            token: Some(begun.token.expose_secret().to_owned()),
            expires_at: Some(begun.expires_at.into()),
            tenant: Some(Tenant(begun.tenant)),
            user_errors,
        })
    }
}

//! Staff see what a tenant's people see, before they tell them where to press: everything that is read is read with the
//! rights of a role of that tenant, and nothing is changed. Records stay closed, as they are to staff.

use chrono::{DateTime, Duration, Utc};
use entity::tenant::{self, Model as Tenant};
use entity::user::Role;
use secrecy::SecretString;
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::{Doing, Error, Result};
use crate::id::{GlobalId, Kind};
use crate::permission::Permission;
use crate::token::{ACCESS_TOKEN_MINUTES, ViewClaim};

pub use crate::token::ViewRole;

impl From<ViewRole> for Role {
    fn from(role: ViewRole) -> Self {
        match role {
            ViewRole::TenantAdmin => Self::TenantAdmin,
            ViewRole::TenantMember => Self::TenantMember,
            ViewRole::TenantViewer => Self::TenantViewer,
        }
    }
}

/// A view, and what it is seen by.
#[derive(Clone, Debug)]
pub struct View {
    /// Whose.
    pub tenant: Tenant,
    /// For `Authorization: Bearer`, in place of one's own.
    pub token: SecretString,
    /// When it ends; another one is asked for with one's own token.
    pub expires_at: DateTime<Utc>,
}

/// Begins to see what somebody of a role sees. It ends with the caller's session, and when they may no more.
///
/// # Errors
/// Denied without `tenants:view_as`, and to whoever is not a person. Rejected: `NOT_FOUND` tenantId.
pub async fn begin(actor: &Actor, tenant_id: Uuid, role: ViewRole) -> Result<View> {
    let scope = actor.authorize(Permission::TenantViewAs)?;
    let (user_id, session_id) = actor.own_session()?;
    let not_found = || Error::not_found("tenantId", "tenant");
    let tenant = scope
        .find::<tenant::Entity>()
        .of_id(tenant::Column::Id, tenant_id)
        .one()
        .await?
        .ok_or_else(not_found)?;
    let now = scope.app().clock().now();
    let expires_at = now + Duration::minutes(ACCESS_TOKEN_MINUTES);
    let subject = GlobalId::new(Kind::User, user_id).to_string();
    let claim = ViewClaim { tenant: tenant.id, role };
    let signed = scope.app().signer().sign_view(subject, session_id, claim, now, expires_at);
    let token = signed.doing("signing the token of a view")?;
    let tx = scope.begin(tenant.id).await?.ok_or_else(not_found)?;
    tx.about(Kind::Tenant, tenant.id).detail(format!("as {}", role_name(role))).commit().await?;
    Ok(View { tenant, token, expires_at })
}

fn role_name(role: ViewRole) -> &'static str {
    match role {
        ViewRole::TenantAdmin => "TENANT_ADMIN",
        ViewRole::TenantMember => "TENANT_MEMBER",
        ViewRole::TenantViewer => "TENANT_VIEWER",
    }
}

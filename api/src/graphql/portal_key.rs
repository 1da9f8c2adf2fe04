//! Public keys of portals' servers.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::portal_key;

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid, uuids};
use super::tenant::Tenant;

/// A public key with which a portal's server signs tokens for its end users by itself.
#[derive(Clone)]
pub struct PortalKey(pub(super) portal_key::PortalKey);

/// How a portal's server signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "portal_key::PortalKeyAlgorithm")]
pub enum PortalKeyAlgorithm {
    /// Ed25519: `alg` is `EdDSA`.
    #[graphql(name = "EDDSA")]
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

/// A public key with which a portal's server signs tokens for its end users by itself.
#[Object]
impl PortalKey {
    /// Opaque and lasting; the `iss` of its tokens.
    pub(super) async fn id(&self) -> ID {
        id(Kind::PortalKey, self.0.id)
    }

    /// Name for people.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The only algorithm that its tokens may have.
    fn algorithm(&self) -> PortalKeyAlgorithm {
        self.0.algorithm.into()
    }

    /// Of the public key, to compare it by: SHA-256 as of RFC 7638.
    fn thumbprint(&self) -> &str {
        &self.0.thumbprint
    }

    /// What its tokens may ask for: names from the permission table, e.g. `failures:retry`.
    fn scopes(&self) -> &[String] {
        &self.0.scopes
    }

    /// Whether its tokens may be for any tenant, those to come too.
    fn all_tenants(&self) -> bool {
        self.0.all_tenants
    }

    /// The tenants that its tokens may be for, oldest first, those that the viewer may see; none with `allTenants`.
    async fn tenants(&self, ctx: &Context<'_>) -> Result<Vec<Tenant>> {
        let tenants = loaders(ctx)?.rows(&self.0.tenant_ids).await?;
        Ok(tenants.into_iter().map(Tenant).collect())
    }

    /// When it was registered.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it ends; null: never by itself.
    fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(Into::into)
    }

    /// Since when its tokens are refused; null: it is not revoked.
    fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(Into::into)
    }
}

/// Which keys a list has.
#[derive(Debug, Default, InputObject)]
pub struct PortalKeyFilter {
    /// Registered by administrators of this tenant.
    tenant_id: Option<ID>,
}

/// By what keys are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum PortalKeyOrderField {
    /// By the time they were registered.
    #[default]
    CreatedAt,
}

/// Order of a list of keys; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct PortalKeyOrder {
    /// By what.
    #[graphql(default)]
    field: PortalKeyOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of keys.
#[derive(Default)]
pub struct PortalKeyQuery;

#[Object]
impl PortalKeyQuery {
    /// Keys of portals' servers that the viewer may see, revoked ones included: a tenant's people see those that their
    /// administrators registered.
    #[expect(
        clippy::too_many_arguments,
        reason = "a connection has four arguments, besides its filter and its order"
    )]
    async fn portal_keys(
        &self,
        ctx: &Context<'_>,
        filter: Option<PortalKeyFilter>,
        order_by: Option<PortalKeyOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<PortalKey>> {
        let tenant_id = optional_uuid(Kind::Tenant, filter.unwrap_or_default().tenant_id.as_ref());
        let order = order_by.unwrap_or_default();
        // There is one order by now.
        let PortalKeyOrderField::CreatedAt = order.field;
        let page = arguments(first, after, last, before);
        let rows = portal_key::list(&actor(ctx)?, tenant_id, order.direction.into(), &page).await?;
        Ok(Connection::new(rows, PortalKey))
    }
}

/// A new key of a portal's server.
#[derive(InputObject)]
pub struct CreatePortalKeyInput {
    /// Name for people, at most 200 characters.
    name: String,
    /// A public key of Ed25519, P-256 or RSA (2048 to 8192 bits), in PEM or as a JWK. The private one stays on its
    /// server.
    public_key: String,
    /// What tokens may ask for, e.g. `failures:retry`: of what PORTAL can have, and of what the caller has.
    scopes: Vec<String>,
    /// Whether tokens may be for any tenant, those to come too: for the operator's staff; false by default.
    all_tenants: Option<bool>,
    /// The tenants that tokens may be for, 1 to 500; an administrator of a tenant may leave the list out.
    tenant_ids: Option<Vec<ID>>,
    /// When it ends, in the future; absent or null: never by itself.
    expires_at: Option<DateTime>,
}

/// Which key to revoke.
#[derive(InputObject)]
pub struct RevokePortalKeyInput {
    /// Which key.
    portal_key_id: ID,
}

/// A key, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct PortalKeyPayload {
    /// The key; null when `userErrors` is not empty.
    portal_key: Option<PortalKey>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of keys.
#[derive(Default)]
pub struct PortalKeyMutation;

#[Object]
impl PortalKeyMutation {
    /// Registers a public key. From then on its server makes tokens for end users by itself: JSON Web Tokens of at most
    /// an hour, with the key's id as `iss`, `aud` `trestle-api`, the end user as `sub`, `tenant` (id or slug) or
    /// `tenant_external_id`, `scopes`, `iat`, `exp`, and a `jti` of its own.
    async fn create_portal_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key.")] input: CreatePortalKeyInput,
    ) -> Result<PortalKeyPayload> {
        let new = portal_key::CreatePortalKey {
            name: input.name,
            public_key: input.public_key,
            scopes: input.scopes,
            all_tenants: input.all_tenants.unwrap_or_default(),
            tenant_ids: uuids(Kind::Tenant, &input.tenant_ids.unwrap_or_default()),
            expires_at: input.expires_at.map(|time| time.0),
        };
        let (created, user_errors) = outcome(portal_key::create(&actor(ctx)?, new).await)?;
        Ok(PortalKeyPayload { portal_key: created.map(PortalKey), user_errors })
    }

    /// Revokes a key: its tokens, used or not, are refused from the next request on.
    async fn revoke_portal_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key.")] input: RevokePortalKeyInput,
    ) -> Result<PortalKeyPayload> {
        let revoked = portal_key::revoke(&actor(ctx)?, uuid(Kind::PortalKey, &input.portal_key_id)).await;
        let (portal_key, user_errors) = outcome(revoked)?;
        Ok(PortalKeyPayload { portal_key: portal_key.map(PortalKey), user_errors })
    }
}

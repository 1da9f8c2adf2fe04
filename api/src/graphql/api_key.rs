//! Keys that partners' programs hold.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::api_key;
use domain::id::Kind;
use secrecy::ExposeSecret;

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid, uuids};
use super::tenant::Tenant;
use super::viewer::Role;

/// A key that a partner's program holds: scopes, and a set of tenants.
#[derive(Clone)]
pub struct ApiKey(pub(super) api_key::ApiKey);

/// A key that a partner's program holds: scopes, and a set of tenants.
#[Object]
impl ApiKey {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::ApiKey, self.0.id)
    }

    /// Name for people.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// First characters of the key, for recognition.
    fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// Always PARTNER.
    fn role(&self) -> Role {
        self.0.role.into()
    }

    /// Names from the permission table, e.g. `failures:retry`.
    fn scopes(&self) -> &[String] {
        &self.0.scopes
    }

    /// The tenants it may touch, oldest first, those that the viewer may see.
    async fn tenants(&self, ctx: &Context<'_>) -> Result<Vec<Tenant>> {
        let tenants = loaders(ctx)?.rows(&self.0.tenant_ids).await?;
        Ok(tenants.into_iter().map(Tenant).collect())
    }

    /// When it was made.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it ends; null: never by itself.
    fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(Into::into)
    }

    /// When it was last used, to the minute; null: never.
    fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(Into::into)
    }

    /// Since when it is refused; null: it is not revoked.
    fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(Into::into)
    }
}

/// Which keys a list has.
#[derive(Debug, Default, InputObject)]
pub struct ApiKeyFilter {
    /// Made by administrators of this tenant.
    tenant_id: Option<ID>,
}

/// By what keys are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum ApiKeyOrderField {
    /// By the time they were made.
    #[default]
    CreatedAt,
}

/// Order of a list of keys; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct ApiKeyOrder {
    /// By what.
    #[graphql(default)]
    field: ApiKeyOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of keys.
#[derive(Default)]
pub struct ApiKeyQuery;

#[Object]
impl ApiKeyQuery {
    /// Keys that the viewer may see, revoked ones included: a tenant's people see those that their administrators
    /// made.
    #[expect(
        clippy::too_many_arguments,
        reason = "a connection has four arguments, besides its filter and its order"
    )]
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        filter: Option<ApiKeyFilter>,
        order_by: Option<ApiKeyOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<ApiKey>> {
        let tenant_id = optional_uuid(Kind::Tenant, filter.unwrap_or_default().tenant_id.as_ref());
        let order = order_by.unwrap_or_default();
        // There is one order by now.
        let ApiKeyOrderField::CreatedAt = order.field;
        let page = arguments(first, after, last, before);
        let rows = api_key::list(&actor(ctx)?, tenant_id, order.direction.into(), &page).await?;
        Ok(Connection::new(rows, ApiKey))
    }
}

/// A new key.
#[derive(InputObject)]
pub struct CreateApiKeyInput {
    /// Name for people, at most 200 characters.
    name: String,
    /// PARTNER, which is the default and the only role of keys.
    role: Option<Role>,
    /// Names from the permission table, e.g. `runs:read`. Each brings along what it can't be used without.
    scopes: Vec<String>,
    /// The tenants it may touch, 1 to 500; an administrator of a tenant may leave the list out.
    tenant_ids: Option<Vec<ID>>,
    /// When it ends, in the future; absent or null: never by itself.
    expires_at: Option<DateTime>,
}

/// Which key to revoke.
#[derive(InputObject)]
pub struct RevokeApiKeyInput {
    /// Which key.
    api_key_id: ID,
}

/// A new key, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct CreateApiKeyPayload {
    /// The key; null when `userErrors` is not empty.
    api_key: Option<ApiKey>,
    /// For `Authorization: Bearer`. Shown this once: nobody can read it again.
    secret: Option<String>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// A key, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct ApiKeyPayload {
    /// The key; null when `userErrors` is not empty.
    api_key: Option<ApiKey>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of keys.
#[derive(Default)]
pub struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Makes a key, and shows its secret once.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key.")] input: CreateApiKeyInput,
    ) -> Result<CreateApiKeyPayload> {
        let new = api_key::CreateApiKey {
            name: input.name,
            role: input.role.map(Into::into),
            scopes: input.scopes,
            tenant_ids: uuids(Kind::Tenant, &input.tenant_ids.unwrap_or_default()),
            expires_at: input.expires_at.map(|time| time.0),
        };
        let (created, user_errors) = outcome(api_key::create(&actor(ctx)?, new).await)?;
        let (api_key, secret) = created
            .map(|created| (ApiKey(created.api_key), created.secret.expose_secret().to_owned()))
            .unzip();
        Ok(CreateApiKeyPayload { api_key, secret, user_errors })
    }

    /// Revokes a key: it and the portal sessions that it made are refused from the next request on.
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key.")] input: RevokeApiKeyInput,
    ) -> Result<ApiKeyPayload> {
        let revoked = api_key::revoke(&actor(ctx)?, uuid(Kind::ApiKey, &input.api_key_id)).await;
        let (api_key, user_errors) = outcome(revoked)?;
        Ok(ApiKeyPayload { api_key: api_key.map(ApiKey), user_errors })
    }
}

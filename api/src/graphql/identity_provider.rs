//! Identity providers: where staff, or the people of a tenant, sign in by OpenID Connect.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::id::Kind;
use domain::identity_provider::{self, IdentityProviderChanges, NewIdentityProvider};
use secrecy::SecretString;

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid};
use super::tenant::Tenant;
use super::viewer::Role;

/// A value of a claim, and the role that it gives.
#[derive(Clone, Debug, SimpleObject)]
pub struct MappedRole {
    /// A value of the claim, e.g. the name of a group.
    value: String,
    /// The role of whoever has it.
    role: Role,
}

/// Where staff, or the people of a tenant, sign in by OpenID Connect. Its client secret goes in and never comes out.
#[derive(Clone)]
pub struct IdentityProvider(pub(super) identity_provider::IdentityProvider);

/// Where staff, or the people of a tenant, sign in by OpenID Connect. Its client secret goes in and never comes out.
#[Object]
impl IdentityProvider {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::IdentityProvider, self.0.id)
    }

    /// The tenant whose people sign in there; null for the operator's staff.
    async fn tenant(&self, ctx: &Context<'_>) -> Option<Result<Tenant>> {
        let id = self.0.tenant_id?;
        let tenant = async { loaders(ctx)?.row(id).await };
        tenant.await.transpose().map(|tenant| tenant.map(Tenant))
    }

    /// Name for people, e.g. for the button that leads there.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Its issuer, under which it is discovered.
    fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The id that it gave us.
    fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// Whether there is a client secret.
    fn has_client_secret(&self) -> bool {
        self.0.has_client_secret
    }

    /// Pages to which it may send people back.
    fn redirect_uris(&self) -> &[String] {
        &self.0.redirect_uris
    }

    /// The claim of the id token that roles are derived from at each sign-in; null: roles are given here.
    fn role_claim(&self) -> Option<&str> {
        self.0.role_claim.as_deref()
    }

    /// Which value of the claim gives which role; the first that somebody has counts.
    fn role_mapping(&self) -> Vec<MappedRole> {
        let mapping = self.0.role_mapping.iter();
        mapping.map(|mapped| MappedRole { value: mapped.value.clone(), role: mapped.role.into() }).collect()
    }

    /// The role of whoever has none of the values; null: they don't come in.
    fn default_role(&self) -> Option<Role> {
        self.0.default_role.map(Into::into)
    }

    /// Whether whoever signs in there for the first time is made a user.
    fn creates_users(&self) -> bool {
        self.0.creates_users
    }

    /// Whether its mail addresses count as verified, though it does not say so.
    fn trusts_email(&self) -> bool {
        self.0.trusts_email
    }

    /// When it was made.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was last changed.
    fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

/// Which identity providers a list has.
#[derive(Debug, Default, InputObject)]
pub struct IdentityProviderFilter {
    /// Of this tenant.
    tenant_id: Option<ID>,
}

/// By what identity providers are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum IdentityProviderOrderField {
    /// By the time they were made.
    #[default]
    CreatedAt,
}

/// Order of a list of identity providers; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct IdentityProviderOrder {
    /// By what.
    #[graphql(default)]
    field: IdentityProviderOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of identity providers.
#[derive(Default)]
pub struct IdentityProviderQuery;

#[Object]
impl IdentityProviderQuery {
    /// Identity providers that the viewer may see.
    async fn identity_providers(
        &self,
        ctx: &Context<'_>,
        filter: Option<IdentityProviderFilter>,
        order_by: Option<IdentityProviderOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<IdentityProvider>> {
        let tenant_id = optional_uuid(Kind::Tenant, filter.unwrap_or_default().tenant_id.as_ref());
        let IdentityProviderOrder { field: IdentityProviderOrderField::CreatedAt, direction } =
            order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = identity_provider::list(&actor(ctx)?, tenant_id, direction.into(), &page).await?;
        Ok(Connection::new(rows, IdentityProvider))
    }
}

/// A value of a claim, and the role that it gives.
#[derive(Debug, InputObject)]
pub struct MappedRoleInput {
    /// A value of the claim: 1 to 500 characters.
    value: String,
    /// The role of whoever has it.
    role: Role,
}

/// A new identity provider.
#[derive(InputObject)]
pub struct CreateIdentityProviderInput {
    /// The tenant whose people sign in there. A tenant's administrator may leave it out; without it staff do.
    tenant_id: Option<ID>,
    /// Name for people: 1 to 200 characters.
    name: String,
    /// Its issuer: `{issuer}/.well-known/openid-configuration` is asked at once.
    issuer: String,
    /// The id that it gave us.
    client_id: String,
    /// The secret that it gave us; none for a public client.
    #[graphql(secret)]
    client_secret: Option<String>,
    /// Pages to which it may send people back, 1 to 20, letter by letter: https://portal.example/signed-in.
    redirect_uris: Vec<String>,
    /// The claim of the id token that roles are derived from, by name (`groups`) or JSON Pointer
    /// (`/realm_access/roles`); without it roles are given here.
    role_claim: Option<String>,
    /// Which value of the claim gives which role, at most 100; the first that somebody has counts.
    role_mapping: Option<Vec<MappedRoleInput>>,
    /// The role of whoever has none of the values; without it they don't come in.
    default_role: Option<Role>,
    /// Whether whoever signs in there for the first time is made a user.
    #[graphql(default)]
    creates_users: bool,
    /// Whether its mail addresses count as verified, though it does not say so.
    #[graphql(default)]
    trusts_email: bool,
}

/// Changes of an identity provider; what is absent stays.
#[derive(InputObject)]
pub struct UpdateIdentityProviderInput {
    /// Which identity provider.
    identity_provider_id: ID,
    /// Name for people: 1 to 200 characters.
    name: Option<String>,
    /// The id that it gave us.
    client_id: Option<String>,
    /// The secret that it gave us; null for none.
    #[graphql(secret)]
    client_secret: MaybeUndefined<String>,
    /// All pages to which it may send people back.
    redirect_uris: Option<Vec<String>>,
    /// The claim that roles are derived from; null for none.
    role_claim: MaybeUndefined<String>,
    /// The whole mapping.
    role_mapping: Option<Vec<MappedRoleInput>>,
    /// The role of whoever has none of the values; null for none.
    default_role: MaybeUndefined<Role>,
    /// Whether whoever signs in there for the first time is made a user.
    creates_users: Option<bool>,
    /// Whether its mail addresses count as verified.
    trusts_email: Option<bool>,
}

/// Which identity provider to remove.
#[derive(InputObject)]
pub struct DeleteIdentityProviderInput {
    /// Which identity provider.
    identity_provider_id: ID,
}

/// An identity provider, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct IdentityProviderPayload {
    /// The identity provider; null when `userErrors` is not empty.
    identity_provider: Option<IdentityProvider>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl IdentityProviderPayload {
    fn of(result: domain::Result<identity_provider::IdentityProvider>) -> Result<Self> {
        let (identity_provider, user_errors) = outcome(result)?;
        Ok(Self { identity_provider: identity_provider.map(IdentityProvider), user_errors })
    }
}

/// The identity provider that was removed, or why it was not.
#[derive(SimpleObject)]
pub struct DeleteIdentityProviderPayload {
    /// Its id; null when `userErrors` is not empty.
    deleted_identity_provider_id: Option<ID>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of identity providers.
#[derive(Default)]
pub struct IdentityProviderMutation;

#[Object]
impl IdentityProviderMutation {
    /// Makes an identity provider, after asking it for its configuration.
    async fn create_identity_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity provider.")] input: CreateIdentityProviderInput,
    ) -> Result<IdentityProviderPayload> {
        let new = NewIdentityProvider {
            tenant_id: optional_uuid(Kind::Tenant, input.tenant_id.as_ref()),
            name: input.name,
            issuer: input.issuer,
            client_id: input.client_id,
            client_secret: input.client_secret.map(SecretString::from),
            redirect_uris: input.redirect_uris,
            role_claim: input.role_claim,
            role_mapping: mapping(input.role_mapping.unwrap_or_default()),
            default_role: input.default_role.map(Into::into),
            creates_users: input.creates_users,
            trusts_email: input.trusts_email,
        };
        IdentityProviderPayload::of(identity_provider::create(&actor(ctx)?, new).await)
    }

    /// Changes an identity provider. Its issuer stays: make another one for another issuer.
    async fn update_identity_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity provider and its changes.")] input: UpdateIdentityProviderInput,
    ) -> Result<IdentityProviderPayload> {
        let changes = IdentityProviderChanges {
            name: input.name,
            client_id: input.client_id,
            client_secret: changed(input.client_secret).map(|secret| secret.map(SecretString::from)),
            redirect_uris: input.redirect_uris,
            role_claim: changed(input.role_claim),
            role_mapping: input.role_mapping.map(mapping),
            default_role: changed(input.default_role).map(|role| role.map(Into::into)),
            creates_users: input.creates_users,
            trusts_email: input.trusts_email,
        };
        let id = uuid(Kind::IdentityProvider, &input.identity_provider_id);
        IdentityProviderPayload::of(identity_provider::update(&actor(ctx)?, id, changes).await)
    }

    /// Removes an identity provider, and ends the sessions that began there. The users stay.
    async fn delete_identity_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity provider.")] input: DeleteIdentityProviderInput,
    ) -> Result<DeleteIdentityProviderPayload> {
        let provider_id = uuid(Kind::IdentityProvider, &input.identity_provider_id);
        let (deleted, user_errors) = outcome(identity_provider::delete(&actor(ctx)?, provider_id).await)?;
        Ok(DeleteIdentityProviderPayload {
            deleted_identity_provider_id: deleted.map(|()| id(Kind::IdentityProvider, provider_id)),
            user_errors,
        })
    }
}

fn mapping(input: Vec<MappedRoleInput>) -> Vec<entity::identity_provider::MappedRole> {
    let one = |mapped: MappedRoleInput| entity::identity_provider::MappedRole {
        value: mapped.value,
        role: mapped.role.into(),
    };
    input.into_iter().map(one).collect()
}

fn changed<T>(input: MaybeUndefined<T>) -> Option<Option<T>> {
    match input {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

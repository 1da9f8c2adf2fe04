//! People who sign in: staff of the operator, and people of tenants.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::user;
use secrecy::SecretString;

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid};
use super::tenant::Tenant;
use super::viewer::Role;

/// A person who signs in.
#[derive(Clone)]
pub struct User(pub(super) user::User);

/// A person who signs in.
#[Object]
impl User {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::User, self.0.id)
    }

    /// Mail address, in lower case.
    fn email(&self) -> &str {
        &self.0.email
    }

    /// Name for people.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What they may do.
    fn role(&self) -> Role {
        self.0.role.into()
    }

    /// The tenant of a tenant-side person; null for staff.
    async fn tenant(&self, ctx: &Context<'_>) -> Option<Result<Tenant>> {
        let id = self.0.tenant_id?;
        let tenant = async { loaders(ctx)?.row(id).await };
        tenant.await.transpose().map(|tenant| tenant.map(Tenant))
    }

    /// When they were added.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Since when they can't sign in; null for those who can.
    fn disabled_at(&self) -> Option<DateTime> {
        self.0.disabled_at.map(Into::into)
    }

    /// Whether signing in asks them for a code of an authenticator app, too.
    fn second_factor(&self) -> bool {
        self.0.second_factor
    }
}

/// Which people a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct UserFilter {
    /// Of this tenant.
    tenant_id: Option<ID>,
    /// One of these.
    role: Option<Vec<Role>>,
    /// True: only those who are disabled. False: only those who are not.
    disabled: Option<bool>,
}

impl UserFilter {
    fn decode(self) -> user::UserFilter {
        user::UserFilter {
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
            role: self.role.map(|roles| roles.into_iter().map(Into::into).collect()),
            disabled: self.disabled,
        }
    }
}

/// By what people are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::user::UserOrder")]
pub enum UserOrderField {
    /// By the time they were added.
    #[default]
    CreatedAt,
    /// By mail address.
    Email,
}

/// Order of a list of people; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct UserOrder {
    /// By what.
    #[graphql(default)]
    field: UserOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of people.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// One person; null when there is none whom the viewer may see.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person's id.")] id: ID,
    ) -> Option<Result<User>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::User, &id)).await };
        row.await.transpose().map(|row| row.map(User))
    }

    /// People whom the viewer may see.
    async fn users(
        &self,
        ctx: &Context<'_>,
        filter: Option<UserFilter>,
        order_by: Option<UserOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<User>> {
        let filter = filter.unwrap_or_default().decode();
        let order = order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows =
            user::list(&actor(ctx)?, &filter, order.field.into(), order.direction.into(), &page).await?;
        Ok(Connection::new(rows, User))
    }
}

/// A new person.
#[derive(InputObject)]
pub struct CreateUserInput {
    /// Mail address; unique in the whole service, in any case.
    email: String,
    /// Name for people, at most 200 characters.
    name: String,
    /// What they may do. Administrators of a tenant give the roles of a tenant only; PARTNER and PORTAL are no
    /// roles of people.
    role: Role,
    /// The tenant of a tenant-side role; an administrator of a tenant may leave it out.
    tenant_id: Option<ID>,
    /// The first password.
    #[graphql(secret)]
    password: String,
}

/// A person's new role.
#[derive(InputObject)]
pub struct SetUserRoleInput {
    /// Which person; nobody sets their own role.
    user_id: ID,
    /// The role; staff stay staff, and people of a tenant stay its people.
    role: Role,
}

/// Whom to disable.
#[derive(InputObject)]
pub struct DisableUserInput {
    /// Which person.
    user_id: ID,
}

/// Whom to enable.
#[derive(InputObject)]
pub struct EnableUserInput {
    /// Which person.
    user_id: ID,
}

/// A new password for a person who lost theirs.
#[derive(InputObject)]
pub struct SetUserPasswordInput {
    /// Which person; one of staff needs `staff:manage`.
    user_id: ID,
    /// The password.
    #[graphql(secret)]
    password: String,
}

/// A person, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct UserPayload {
    /// The person; null when `userErrors` is not empty.
    user: Option<User>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl UserPayload {
    pub(super) fn of(result: domain::Result<user::User>) -> Result<Self> {
        let (user, user_errors) = outcome(result)?;
        Ok(Self { user: user.map(User), user_errors })
    }
}

/// Mutations of people.
#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Adds a person, who can sign in at once. `inviteUser` lets them choose the password themselves.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person.")] input: CreateUserInput,
    ) -> Result<UserPayload> {
        let new = user::CreateUser {
            email: input.email,
            name: input.name,
            role: input.role.into(),
            tenant_id: optional_uuid(Kind::Tenant, input.tenant_id.as_ref()),
            password: SecretString::from(input.password),
        };
        UserPayload::of(user::create(&actor(ctx)?, new).await)
    }

    /// Sets a person's role. It holds from their next request on.
    async fn set_user_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person and the role.")] input: SetUserRoleInput,
    ) -> Result<UserPayload> {
        let id = uuid(Kind::User, &input.user_id);
        UserPayload::of(user::set_role(&actor(ctx)?, id, input.role.into()).await)
    }

    /// Disables a person, signs them out everywhere at once, and takes back their invitations.
    async fn disable_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person.")] input: DisableUserInput,
    ) -> Result<UserPayload> {
        UserPayload::of(user::disable(&actor(ctx)?, uuid(Kind::User, &input.user_id)).await)
    }

    /// Lets a disabled person sign in again.
    async fn enable_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person.")] input: EnableUserInput,
    ) -> Result<UserPayload> {
        UserPayload::of(user::enable(&actor(ctx)?, uuid(Kind::User, &input.user_id)).await)
    }

    /// Sets a password for a person who lost theirs, and signs them out everywhere.
    async fn set_user_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person and the password.")] input: SetUserPasswordInput,
    ) -> Result<UserPayload> {
        let (id, password) = (uuid(Kind::User, &input.user_id), SecretString::from(input.password));
        UserPayload::of(user::set_password(&actor(ctx)?, id, &password).await)
    }
}

//! Invitations: people who were asked to come, and come.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::invitation;
use secrecy::SecretString;

use super::caller::{actor, caller, loaders, origin};
use super::error::{Result, UserError, outcome};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid};
use super::session::SignInPayload;
use super::tenant::Tenant;
use super::user::User;
use super::viewer::Role;

/// What has become of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::invitation::InvitationStatus")]
pub enum InvitationStatus {
    /// It can be accepted.
    Pending,
    /// Its time is over; `resendInvitation` gives it another week.
    Expired,
    /// They came.
    Accepted,
    /// It was taken back.
    Revoked,
}

/// Whether a mail went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::mail::MailState")]
pub enum MailStatus {
    /// It waits, or is tried again.
    Queued,
    /// The mail server took it.
    Sent,
    /// It did not go out, and is tried no more.
    Failed,
}

/// Somebody who was asked to come, and is no user before they do.
#[derive(Clone)]
pub struct Invitation(pub(super) invitation::Invitation);

/// Somebody who was asked to come, and is no user before they do.
#[Object]
impl Invitation {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Invitation, self.0.id)
    }

    /// Where the mail goes, in lower case.
    fn email(&self) -> &str {
        &self.0.email
    }

    /// Name for people, until they give their own.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What they will be able to do.
    fn role(&self) -> Role {
        self.0.role.into()
    }

    /// The tenant of a tenant-side role; null for staff.
    async fn tenant(&self, ctx: &Context<'_>) -> Option<Result<Tenant>> {
        let id = self.0.tenant_id?;
        let tenant = async { loaders(ctx)?.row(id).await };
        tenant.await.transpose().map(|tenant| tenant.map(Tenant))
    }

    /// What has become of it.
    fn status(&self) -> InvitationStatus {
        self.0.status.into()
    }

    /// Whether the last mail went out; null when that is more than a month ago.
    fn mail(&self) -> Option<MailStatus> {
        self.0.mail.map(Into::into)
    }

    /// When it was made.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When the link of the last mail ends.
    fn expires_at(&self) -> DateTime {
        self.0.expires_at.into()
    }

    /// When they came; null as long as they have not.
    fn accepted_at(&self) -> Option<DateTime> {
        self.0.accepted_at.map(Into::into)
    }

    /// When it was taken back; null for one that was not.
    fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(Into::into)
    }

    /// Who came of it; null as long as nobody has.
    async fn user(&self, ctx: &Context<'_>) -> Option<Result<User>> {
        let id = self.0.user_id?;
        let user = async { loaders(ctx)?.row(id).await };
        user.await.transpose().map(|user| user.map(User))
    }
}

/// Which invitations a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct InvitationFilter {
    /// Of this tenant.
    tenant_id: Option<ID>,
    /// One of these.
    status: Option<Vec<InvitationStatus>>,
}

/// By what invitations are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum InvitationOrderField {
    /// By the time they were made.
    #[default]
    CreatedAt,
}

/// Order of a list of invitations; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct InvitationOrder {
    /// By what.
    #[graphql(default)]
    field: InvitationOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of invitations.
#[derive(Default)]
pub struct InvitationQuery;

#[Object]
impl InvitationQuery {
    /// Invitations that the viewer may see, until 90 days after the end of the link that was mailed last.
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        filter: Option<InvitationFilter>,
        order_by: Option<InvitationOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Invitation>> {
        let filter = filter.unwrap_or_default();
        let filter = invitation::InvitationFilter {
            tenant_id: optional_uuid(Kind::Tenant, filter.tenant_id.as_ref()),
            status: filter.status.map(|statuses| statuses.into_iter().map(Into::into).collect()),
        };
        let page = arguments(first, after, last, before);
        let order = order_by.unwrap_or_default();
        // There is one order by now.
        let InvitationOrderField::CreatedAt = order.field;
        let rows = invitation::list(&actor(ctx)?, &filter, order.direction.into(), &page).await?;
        Ok(Connection::new(rows, Invitation))
    }
}

/// Somebody to come.
#[derive(InputObject)]
pub struct InviteUserInput {
    /// Where the mail goes. It must not be that of a user.
    email: String,
    /// Name for people, at most 200 characters, until they give their own.
    name: String,
    /// What they will be able to do. Administrators of a tenant give the roles of a tenant only; PARTNER and PORTAL are
    /// no roles of people.
    role: Role,
    /// The tenant of a tenant-side role; an administrator of a tenant may leave it out.
    tenant_id: Option<ID>,
}

/// Which invitation to send again.
#[derive(InputObject)]
pub struct ResendInvitationInput {
    /// One that was neither accepted nor revoked.
    invitation_id: ID,
}

/// Which invitation to take back.
#[derive(InputObject)]
pub struct RevokeInvitationInput {
    /// One that was not accepted.
    invitation_id: ID,
}

/// What somebody who comes gives.
#[derive(InputObject)]
pub struct AcceptInvitationInput {
    /// The token that the link in the mail carries. Good once, for 7 days.
    #[graphql(secret)]
    token: String,
    /// What they sign in with from now on: 10 to 128 characters that are hard to guess.
    #[graphql(secret)]
    password: String,
    /// Their name, at most 200 characters; absent keeps that of the invitation.
    name: Option<String>,
}

/// An invitation, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct InvitationPayload {
    /// The invitation; null when `userErrors` is not empty.
    invitation: Option<Invitation>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl InvitationPayload {
    fn of(result: domain::Result<invitation::Invitation>) -> Result<Self> {
        let (invitation, user_errors) = outcome(result)?;
        Ok(Self { invitation: invitation.map(Invitation), user_errors })
    }
}

/// Mutations of invitations.
#[derive(Default)]
pub struct InvitationMutation;

#[Object]
impl InvitationMutation {
    /// Invites somebody by mail. They are a user when they accept, with a password of their own.
    async fn invite_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person.")] input: InviteUserInput,
    ) -> Result<InvitationPayload> {
        let new = invitation::InviteUser {
            email: input.email,
            name: input.name,
            role: input.role.into(),
            tenant_id: optional_uuid(Kind::Tenant, input.tenant_id.as_ref()),
        };
        InvitationPayload::of(invitation::invite(&actor(ctx)?, new).await)
    }

    /// Sends the mail of an invitation again, with a new link that is good for 7 days; the one before is refused from
    /// now on.
    async fn resend_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation.")] input: ResendInvitationInput,
    ) -> Result<InvitationPayload> {
        let id = uuid(Kind::Invitation, &input.invitation_id);
        InvitationPayload::of(invitation::resend(&actor(ctx)?, id).await)
    }

    /// Takes an invitation back: its link is refused from now on.
    async fn revoke_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation.")] input: RevokeInvitationInput,
    ) -> Result<InvitationPayload> {
        let id = uuid(Kind::Invitation, &input.invitation_id);
        InvitationPayload::of(invitation::revoke(&actor(ctx)?, id).await)
    }

    /// Accepts an invitation by the token of its mail: makes the user, and signs them in.
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token and the password.")] input: AcceptInvitationInput,
    ) -> Result<SignInPayload> {
        let caller = caller(ctx)?;
        let input = invitation::AcceptInvitation {
            token: SecretString::from(input.token),
            password: SecretString::from(input.password),
            name: input.name,
        };
        SignInPayload::of(caller, invitation::accept(caller.app(), input, &origin(ctx)).await)
    }
}

//! Channels of notices: where they go to.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::notice_channel::{
    self, ChannelKind, ChannelStatus, NewNoticeChannel, NoticeChannelChanges, OVERLAP_HOURS_DEFAULT,
    OwnerFilter,
};
use secrecy::ExposeSecret;

use super::caller::actor;
use super::error::{Result, UserError, outcome};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid};

/// How a channel of notices is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "ChannelKind")]
pub enum NoticeChannelKind {
    /// A signed request, by Standard Webhooks.
    Webhook,
    /// A mail, in text and HTML.
    Email,
    /// An incoming webhook of Slack, or of something that takes the same.
    Slack,
}

/// Whether anything is sent to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "ChannelStatus")]
pub enum NoticeChannelStatus {
    /// It is.
    Active,
    /// It is not, until somebody activates it: a person turned it off, its receiver answered 410, or nothing has arrived
    /// there for a day. What is for it waits.
    Disabled,
}

/// Where notices go to. What is secret of it is never read.
#[derive(Clone)]
pub struct NoticeChannel(pub(super) notice_channel::NoticeChannel);

/// Where notices go to. What is secret of it is never read.
#[Object]
impl NoticeChannel {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::NoticeChannel, self.0.id)
    }

    /// The tenant whose it is; null for the operator's.
    fn tenant_id(&self) -> Option<ID> {
        self.0.tenant_id.map(|tenant| id(Kind::Tenant, tenant))
    }

    /// Name for people.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// How it is reached.
    fn kind(&self) -> NoticeChannelKind {
        self.0.kind.into()
    }

    /// Whether anything is sent there.
    fn status(&self) -> NoticeChannelStatus {
        self.0.status.into()
    }

    /// Why nothing is sent there; null while it is active.
    fn status_reason(&self) -> Option<&str> {
        self.0.status_reason.as_deref()
    }

    /// WEBHOOK: its URL. SLACK: its host, because the rest is a secret. Null for EMAIL.
    fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// WEBHOOK: until when each request is signed by the secret before, too; null when it is not any more.
    fn previous_secret_until(&self) -> Option<DateTime> {
        self.0.previous_secret_until.map(Into::into)
    }

    /// EMAIL: to whom, which is null for others.
    fn addresses(&self) -> Option<&[String]> {
        self.0.addresses.as_deref()
    }

    /// EMAIL: whether also to whoever administers the tenant, or of the operator's the platform.
    fn to_admins(&self) -> bool {
        self.0.to_admins
    }

    /// Whether everybody has it by themselves; it can be disabled, and not be deleted.
    fn is_default(&self) -> bool {
        self.0.is_default
    }

    /// Since when nothing has arrived there; null when the last one did.
    fn failing_since(&self) -> Option<DateTime> {
        self.0.failing_since.map(Into::into)
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

/// Which channels a list has.
#[derive(Debug, Default, InputObject)]
pub struct NoticeChannelFilter {
    /// Those of this tenant.
    tenant_id: Option<ID>,
    /// The operator's (true), or tenants' (false).
    is_operators: Option<bool>,
}

/// By what channels are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum NoticeChannelOrderField {
    /// By the time they were made; those that everybody has stand anywhere.
    #[default]
    CreatedAt,
}

/// Order of a list of channels; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct NoticeChannelOrder {
    /// By what.
    #[graphql(default)]
    field: NoticeChannelOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of channels.
#[derive(Default)]
pub struct NoticeChannelQuery;

#[Object]
impl NoticeChannelQuery {
    /// Channels of notices: of staff all, of others those of their tenants.
    async fn notice_channels(
        &self,
        ctx: &Context<'_>,
        filter: Option<NoticeChannelFilter>,
        order_by: Option<NoticeChannelOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<NoticeChannel>> {
        let NoticeChannelFilter { tenant_id, is_operators } = filter.unwrap_or_default();
        let tenant_id = optional_uuid(Kind::Tenant, tenant_id.as_ref());
        let filter = OwnerFilter { tenant_id, is_operators };
        let NoticeChannelOrder { field: NoticeChannelOrderField::CreatedAt, direction } =
            order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = notice_channel::list(&actor(ctx)?, &filter, direction.into(), &page).await?;
        Ok(Connection::new(rows, NoticeChannel))
    }
}

/// A channel to make.
#[derive(InputObject)]
pub struct CreateNoticeChannelInput {
    /// Whose it is; left out: your own tenant's, and of staff the operator's.
    tenant_id: Option<ID>,
    /// Name for people: 1 to 200 characters.
    name: String,
    /// How it is reached.
    kind: NoticeChannelKind,
    /// WEBHOOK and SLACK: where, up to 2,000 bytes.
    #[graphql(secret)]
    url: Option<String>,
    /// WEBHOOK: what requests are signed with, `whsec_` and base64 of 24 to 64 bytes; left out: one is made and shown
    /// once.
    #[graphql(secret)]
    secret: Option<String>,
    /// EMAIL: to whom, up to 20.
    #[graphql(default)]
    addresses: Vec<String>,
    /// EMAIL: also to whoever administers the tenant, or of the operator's the platform.
    #[graphql(default)]
    to_admins: bool,
}

/// What changes of a channel; what is left out stays.
#[derive(InputObject)]
pub struct UpdateNoticeChannelInput {
    /// Which channel.
    channel_id: ID,
    /// Name for people: 1 to 200 characters.
    name: Option<String>,
    /// WEBHOOK and SLACK: where, up to 2,000 bytes.
    #[graphql(secret)]
    url: Option<String>,
    /// EMAIL: to whom, up to 20.
    addresses: Option<Vec<String>>,
    /// EMAIL: also to whoever administers.
    to_admins: Option<bool>,
    /// Whether anything is sent there. One that is activated gets what waited for it.
    status: Option<NoticeChannelStatus>,
}

/// Another secret for a webhook.
#[derive(InputObject)]
pub struct RotateNoticeChannelSecretInput {
    /// Which channel.
    channel_id: ID,
    /// The secret, as of `createNoticeChannel`; left out: one is made and shown once.
    #[graphql(secret)]
    secret: Option<String>,
    /// For how many hours requests are signed by the secret before, too: 0 to 168.
    #[graphql(default_with = "OVERLAP_HOURS_DEFAULT")]
    overlap_hours: i32,
}

/// Which channel to delete.
#[derive(InputObject)]
pub struct DeleteNoticeChannelInput {
    /// Which channel.
    channel_id: ID,
}

/// Which channel to try.
#[derive(InputObject)]
pub struct TestNoticeChannelInput {
    /// Which channel.
    channel_id: ID,
}

/// A channel and its secret, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct NoticeChannelSecretPayload {
    /// The channel; null when `userErrors` is not empty.
    notice_channel: Option<NoticeChannel>,
    /// The secret that was made; it is never shown again. Null when one was given, or none is needed.
    secret: Option<String>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// A channel, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct NoticeChannelPayload {
    /// The channel; null when `userErrors` is not empty.
    notice_channel: Option<NoticeChannel>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// The id of what was deleted, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct DeleteNoticeChannelPayload {
    /// What was deleted; null when `userErrors` is not empty.
    deleted_id: Option<ID>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// What came of a test, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct TestNoticeChannelPayload {
    /// The channel as it is now; null when `userErrors` is not empty.
    notice_channel: Option<NoticeChannel>,
    /// Whether every receiver took it; null when that is not known yet, or `userErrors` is not empty.
    delivered: Option<bool>,
    /// What came of it, in words; null when `userErrors` is not empty.
    message: Option<String>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of channels.
#[derive(Default)]
pub struct NoticeChannelMutation;

#[Object]
impl NoticeChannelMutation {
    /// Makes a channel. A webhook's secret is shown once.
    async fn create_notice_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The channel.")] input: CreateNoticeChannelInput,
    ) -> Result<NoticeChannelSecretPayload> {
        let new = NewNoticeChannel {
            tenant_id: optional_uuid(Kind::Tenant, input.tenant_id.as_ref()),
            name: input.name,
            kind: input.kind.into(),
            url: input.url.map(Into::into),
            secret: input.secret.map(Into::into),
            addresses: input.addresses,
            to_admins: input.to_admins,
        };
        with_secret(notice_channel::create(&actor(ctx)?, new).await)
    }

    /// Changes a channel, activates or disables it.
    async fn update_notice_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateNoticeChannelInput,
    ) -> Result<NoticeChannelPayload> {
        let channel_id = uuid(Kind::NoticeChannel, &input.channel_id);
        let changes = NoticeChannelChanges {
            name: input.name,
            url: input.url.map(Into::into),
            addresses: input.addresses,
            to_admins: input.to_admins,
            status: input.status.map(Into::into),
        };
        let (channel, user_errors) =
            outcome(notice_channel::update(&actor(ctx)?, channel_id, changes).await)?;
        Ok(NoticeChannelPayload { notice_channel: channel.map(NoticeChannel), user_errors })
    }

    /// Gives a webhook another secret; for a while requests carry signatures by both.
    async fn rotate_notice_channel_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The secret.")] input: RotateNoticeChannelSecretInput,
    ) -> Result<NoticeChannelSecretPayload> {
        let channel_id = uuid(Kind::NoticeChannel, &input.channel_id);
        let (secret, hours) = (input.secret.map(Into::into), input.overlap_hours);
        with_secret(notice_channel::rotate_secret(&actor(ctx)?, channel_id, secret, hours).await)
    }

    /// Deletes a channel that no policy names. What it was told stays in the list of notices.
    async fn delete_notice_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The channel.")] input: DeleteNoticeChannelInput,
    ) -> Result<DeleteNoticeChannelPayload> {
        let channel_id = uuid(Kind::NoticeChannel, &input.channel_id);
        let (deleted, user_errors) = outcome(notice_channel::delete(&actor(ctx)?, channel_id).await)?;
        Ok(DeleteNoticeChannelPayload { deleted_id: deleted.map(|()| input.channel_id), user_errors })
    }

    /// Sends a test to a channel, the way that notices go, and waits up to 15 s for what comes of it.
    async fn test_notice_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The channel.")] input: TestNoticeChannelInput,
    ) -> Result<TestNoticeChannelPayload> {
        let channel_id = uuid(Kind::NoticeChannel, &input.channel_id);
        let (tested, user_errors) = outcome(notice_channel::test(&actor(ctx)?, channel_id).await)?;
        let (channel, delivered, message) = match tested {
            Some(tested) => (Some(NoticeChannel(tested.channel)), tested.delivered, Some(tested.message)),
            None => (None, None, None),
        };
        Ok(TestNoticeChannelPayload { notice_channel: channel, delivered, message, user_errors })
    }
}

fn with_secret(
    result: domain::Result<(notice_channel::NoticeChannel, Option<secrecy::SecretString>)>,
) -> Result<NoticeChannelSecretPayload> {
    let (made, user_errors) = outcome(result)?;
    let (channel, secret) = made.map_or((None, None), |(channel, secret)| (Some(channel), secret));
    Ok(NoticeChannelSecretPayload {
        notice_channel: channel.map(NoticeChannel),
        secret: secret.map(|secret| secret.expose_secret().to_owned()),
        user_errors,
    })
}

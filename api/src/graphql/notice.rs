//! Notices: what somebody was told, where, and whether it arrived.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::notice::{
    self, DeliveryStatus, NoticeAttemptOutcome as Outcome, NoticeKind as Amount, NoticeWait as Wait,
    event_type,
};

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::notice_policy::OccasionKind;
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{BigInt, DateTime, id, optional_uuid, uuid};

/// Of how many occasions a notice tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Amount")]
pub enum NoticeKind {
    /// Of one.
    Single,
    /// Of those that came meanwhile.
    Digest,
    /// Of none: somebody tried the channel.
    Test,
}

/// Why a notice was not sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Wait")]
pub enum NoticeWait {
    /// Its policy tells everything together.
    Digest,
    /// It came in quiet hours.
    QuietHours,
    /// There were as many in an hour as its policy allows.
    Cap,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "DeliveryStatus")]
pub enum NoticeDeliveryStatus {
    /// It waits, or is being sent.
    Queued,
    /// The receiver took it.
    Delivered,
    /// It did not arrive, and is tried no more unless somebody replays it.
    Failed,
    /// It waits until its channel is active again.
    Parked,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Outcome")]
pub enum NoticeAttemptOutcome {
    /// The receiver took it.
    Delivered,
    /// It did not arrive, and may another time.
    Failed,
    /// The receiver wants it not, and will not.
    Refused,
}

/// One occasion, in the words of whoever is told.
#[derive(Clone)]
pub struct NoticeItem(notice::NoticeItem);

/// One occasion, in the words of whoever is told.
#[Object]
impl NoticeItem {
    /// What it was.
    fn kind(&self) -> Option<OccasionKind> {
        self.0.kind.map(Into::into)
    }

    /// Its name in the taxonomy of events, e.g. `run.failed`: the `type` of a webhook.
    #[graphql(name = "type")]
    fn event_type(&self) -> Option<&'static str> {
        self.0.kind.map(event_type)
    }

    /// Whether it says that something is over.
    fn is_recovery(&self) -> bool {
        self.0.is_recovery
    }

    /// When it happened.
    fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// Whom it concerns.
    fn tenant_id(&self) -> Option<ID> {
        self.0.tenant_id.map(|tenant| id(Kind::Tenant, tenant))
    }

    /// The integration.
    fn integration_id(&self) -> Option<ID> {
        self.0.integration_id.map(|integration| id(Kind::Integration, integration))
    }

    /// The run.
    fn run_id(&self) -> Option<ID> {
        self.0.run_id.map(|run| id(Kind::Run, run))
    }

    /// The group of failures, where it is about one.
    fn group_id(&self) -> Option<ID> {
        self.0.group_id.map(|group| id(Kind::FailureGroup, group))
    }

    /// A failure that shows what it is about.
    fn failure_id(&self) -> Option<ID> {
        self.0.failure_id.map(|failure| id(Kind::Failure, failure))
    }

    /// The incident, where it is about one.
    fn incident_id(&self) -> Option<ID> {
        self.0.incident_id.map(|incident| id(Kind::Incident, incident))
    }

    /// The system, where it is about one.
    fn system_id(&self) -> Option<ID> {
        self.0.system_id.map(|system| id(Kind::System, system))
    }

    /// Of the error catalogue.
    fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Records concerned, where that is known.
    fn count(&self) -> Option<BigInt> {
        self.0.count.map(BigInt)
    }

    /// Records in the business's own terms, up to 5 of them.
    fn business_references(&self) -> &[String] {
        &self.0.references
    }

    /// One line.
    fn title(&self) -> &str {
        &self.0.title
    }

    /// What happened.
    fn summary(&self) -> &str {
        &self.0.summary
    }

    /// Who acts next, as the receiver is told; null where nobody has to.
    fn acts_next(&self) -> Option<&str> {
        self.0.acts.as_deref()
    }

    /// What they do.
    fn action(&self) -> Option<&str> {
        self.0.action.as_deref()
    }

    /// Where to look; null where the installation has no address.
    fn link(&self) -> Option<&str> {
        self.0.link.as_deref()
    }
}

/// What a channel was told at once.
#[derive(Clone)]
pub struct Notice(pub(super) notice::Notice);

/// What a channel was told at once.
#[Object]
impl Notice {
    /// Opaque and lasting; the `webhook-id` of its requests.
    async fn id(&self) -> ID {
        id(Kind::Notice, self.0.id)
    }

    /// The tenant that is told; null for the operator.
    fn tenant_id(&self) -> Option<ID> {
        self.0.tenant_id.map(|tenant| id(Kind::Tenant, tenant))
    }

    /// The policy that tells it; null where none has to: tests, and channels that do not work.
    fn policy_id(&self) -> Option<ID> {
        self.0.policy_id.map(|policy| id(Kind::NoticePolicy, policy))
    }

    /// The policy's name then.
    fn policy_name(&self) -> Option<&str> {
        self.0.policy_name.as_deref()
    }

    /// Where it is told.
    fn channel_id(&self) -> ID {
        id(Kind::NoticeChannel, self.0.channel_id)
    }

    /// The channel's name then.
    fn channel_name(&self) -> &str {
        &self.0.channel_name
    }

    /// Of how many occasions it tells.
    fn kind(&self) -> NoticeKind {
        self.0.kind.into()
    }

    /// What it tells; of many the first 50.
    fn items(&self) -> Vec<NoticeItem> {
        self.0.items.0.iter().cloned().map(NoticeItem).collect()
    }

    /// Of how many occasions it tells.
    fn item_count(&self) -> BigInt {
        BigInt(self.0.item_count)
    }

    /// Why it was not sent at once; null when it was.
    fn waits_for(&self) -> Option<NoticeWait> {
        self.0.waits_for.map(Into::into)
    }

    /// When it is sent, of one that waits.
    fn due_at(&self) -> Option<DateTime> {
        self.0.due_at.map(Into::into)
    }

    /// When it was given to be delivered; null while it waits.
    fn sent_at(&self) -> Option<DateTime> {
        self.0.sent_at.map(Into::into)
    }

    /// When its first occasion was noticed.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Its way to each receiver: one of a webhook, one for each address of a mail.
    async fn deliveries(&self, ctx: &Context<'_>) -> Result<Vec<NoticeDelivery>> {
        let rows = loaders(ctx)?.deliveries(self.0.id).await?;
        Ok(rows.into_iter().map(NoticeDelivery).collect())
    }
}

/// A notice on its way to one receiver.
#[derive(Clone)]
pub struct NoticeDelivery(pub(super) notice::NoticeDelivery);

/// A notice on its way to one receiver.
#[Object]
impl NoticeDelivery {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::NoticeDelivery, self.0.id)
    }

    /// What is delivered.
    fn notice_id(&self) -> ID {
        id(Kind::Notice, self.0.notice_id)
    }

    /// By which channel.
    fn channel_id(&self) -> ID {
        id(Kind::NoticeChannel, self.0.channel_id)
    }

    /// EMAIL: the address, which is null for others.
    fn recipient(&self) -> Option<&str> {
        self.0.recipient.as_deref()
    }

    /// How far it is.
    fn status(&self) -> NoticeDeliveryStatus {
        self.0.status.into()
    }

    /// When it is tried next; null when it is over.
    fn next_attempt_at(&self) -> Option<DateTime> {
        (self.0.status == DeliveryStatus::Queued).then(|| self.0.available_at.into())
    }

    /// When it was made.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it arrived or was given up.
    fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(Into::into)
    }

    /// Why the last attempt failed, in words; null when it did not.
    fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// Each attempt, oldest first.
    async fn attempts(&self, ctx: &Context<'_>) -> Option<Result<Vec<NoticeAttempt>>> {
        let rows = match loaders(ctx) {
            Ok(loaders) => loaders.attempts(self.0.id).await,
            Err(error) => Err(error),
        };
        Some(rows.map(|rows| rows.into_iter().map(NoticeAttempt).collect()))
    }
}

/// A try to deliver a notice.
#[derive(Clone)]
pub struct NoticeAttempt(notice::NoticeAttempt);

/// A try to deliver a notice.
#[Object]
impl NoticeAttempt {
    /// When it ended.
    fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// What came of it.
    fn outcome(&self) -> NoticeAttemptOutcome {
        self.0.outcome.into()
    }

    /// How long it took, in milliseconds.
    fn duration_ms(&self) -> BigInt {
        BigInt(self.0.duration_ms)
    }

    /// Status of an HTTP reply; null when there was none.
    fn http_status(&self) -> Option<i32> {
        self.0.http_status
    }

    /// The beginning of the reply, up to 500 characters.
    fn response(&self) -> Option<&str> {
        self.0.response.as_deref()
    }

    /// Why it failed, in words; null when it did not.
    fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }
}

/// Which notices a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct NoticeFilter {
    /// Told to this tenant.
    tenant_id: Option<ID>,
    /// Told to the operator (true), or to tenants (false).
    is_operators: Option<bool>,
    /// By this channel.
    channel_id: Option<ID>,
    /// By this policy.
    policy_id: Option<ID>,
    /// About this integration alone.
    integration_id: Option<ID>,
    /// Of one occasion of these kinds.
    occasion_kinds: Option<Vec<OccasionKind>>,
}

/// By what notices are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum NoticeOrderField {
    /// By the time their first occasion was noticed.
    #[default]
    CreatedAt,
}

/// Order of a list of notices; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct NoticeOrder {
    /// By what.
    #[graphql(default)]
    field: NoticeOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Which deliveries a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct NoticeDeliveryFilter {
    /// Of notices to this tenant.
    tenant_id: Option<ID>,
    /// Of notices to the operator (true), or to tenants (false).
    is_operators: Option<bool>,
    /// By this channel.
    channel_id: Option<ID>,
    /// With one of these.
    status: Option<Vec<NoticeDeliveryStatus>>,
}

/// By what deliveries are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum NoticeDeliveryOrderField {
    /// By the time they were made.
    #[default]
    CreatedAt,
}

/// Order of a list of deliveries; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct NoticeDeliveryOrder {
    /// By what.
    #[graphql(default)]
    field: NoticeDeliveryOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of notices.
#[derive(Default)]
pub struct NoticeQuery;

#[Object]
impl NoticeQuery {
    /// A notice by its id; null when there is none that the viewer may see.
    async fn notice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The notice's id.")] id: ID,
    ) -> Option<Result<Notice>> {
        let found = async { notice::get(&actor(ctx)?, uuid(Kind::Notice, &id)).await.map_err(Into::into) };
        found.await.map(|row: Option<notice::Notice>| row.map(Notice)).transpose()
    }

    /// Notices: of staff all, of others those that their tenants were told.
    async fn notices(
        &self,
        ctx: &Context<'_>,
        filter: Option<NoticeFilter>,
        order_by: Option<NoticeOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Notice>> {
        let filter = filter.unwrap_or_default();
        let filter = notice::NoticeFilter {
            tenant_id: optional_uuid(Kind::Tenant, filter.tenant_id.as_ref()),
            is_operators: filter.is_operators,
            channel_id: optional_uuid(Kind::NoticeChannel, filter.channel_id.as_ref()),
            policy_id: optional_uuid(Kind::NoticePolicy, filter.policy_id.as_ref()),
            integration_id: optional_uuid(Kind::Integration, filter.integration_id.as_ref()),
            occasion_kinds: filter.occasion_kinds.map(|kinds| kinds.into_iter().map(Into::into).collect()),
        };
        let NoticeOrder { field: NoticeOrderField::CreatedAt, direction } = order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = notice::list(&actor(ctx)?, &filter, direction.into(), &page).await?;
        Ok(Connection::new(rows, Notice))
    }

    /// Deliveries of notices: of staff all, of others those to their tenants.
    async fn notice_deliveries(
        &self,
        ctx: &Context<'_>,
        filter: Option<NoticeDeliveryFilter>,
        order_by: Option<NoticeDeliveryOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<NoticeDelivery>> {
        let filter = filter.unwrap_or_default();
        let filter = notice::DeliveryFilter {
            tenant_id: optional_uuid(Kind::Tenant, filter.tenant_id.as_ref()),
            is_operators: filter.is_operators,
            channel_id: optional_uuid(Kind::NoticeChannel, filter.channel_id.as_ref()),
            status: filter.status.map(|status| status.into_iter().map(Into::into).collect()),
        };
        let NoticeDeliveryOrder { field: NoticeDeliveryOrderField::CreatedAt, direction } =
            order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = notice::deliveries(&actor(ctx)?, &filter, direction.into(), &page).await?;
        Ok(Connection::new(rows, NoticeDelivery))
    }
}

/// Which notice to send once more.
#[derive(InputObject)]
pub struct ReplayNoticeInput {
    /// Which notice.
    notice_id: ID,
}

/// A notice, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct NoticePayload {
    /// The notice; null when `userErrors` is not empty.
    notice: Option<Notice>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of notices.
#[derive(Default)]
pub struct NoticeMutation;

#[Object]
impl NoticeMutation {
    /// Sends a notice once more to every receiver that it went to, with the id that it had: who has it already can leave
    /// it out. One that went to nobody, because its channel had no address, goes to those that it has now.
    async fn replay_notice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The notice.")] input: ReplayNoticeInput,
    ) -> Result<NoticePayload> {
        let notice_id = uuid(Kind::Notice, &input.notice_id);
        let (notice, user_errors) = outcome(notice::replay(&actor(ctx)?, notice_id).await)?;
        Ok(NoticePayload { notice: notice.map(Notice), user_errors })
    }
}

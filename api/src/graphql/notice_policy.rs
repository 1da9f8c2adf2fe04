//! Policies of notices: which occasions are told where, and when.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::id::Kind;
use domain::notice::Occasion;
use domain::notice_channel::OwnerFilter;
use domain::notice_policy::{self, HOURLY_DEFAULT, NewNoticePolicy, NoticePolicyChanges, Selectors, Timing};

use super::caller::actor;
use super::error::{Result, UserError, outcome};
use super::failure::{FailureCategory, Impact, ResponsibleParty};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{BigInt, DateTime, id, optional_uuid, uuid, uuids};

/// What somebody may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Occasion")]
pub enum OccasionKind {
    /// Records fail for a reason that was not there before.
    GroupNew,
    /// A reason of failures that was dealt with is back.
    GroupRegressed,
    /// More and more records fail for a reason, or one on which more depends than on those before.
    GroupEscalating,
    /// A reason of failures is dealt with.
    GroupResolved,
    /// A run could not go on.
    RunFailed,
    /// Some records of a run did not arrive.
    RunPartial,
    /// Every failure of runs is dealt with.
    Recovered,
    /// An integration is behind its time.
    Late,
    /// An integration is held.
    Held,
    /// It is held no more.
    Resumed,
    /// Somebody must sign in to a system again.
    ReauthRequired,
    /// Somebody has.
    Reauthorized,
    /// Far more or far fewer records than usual.
    VolumeAnomaly,
    /// A measure of health is beyond its limit.
    HealthAlert,
    /// It is within its limit again.
    HealthRestored,
    /// An outage of an outside system.
    IncidentOpened,
    /// There is news of it.
    IncidentUpdated,
    /// It is over.
    IncidentResolved,
    /// A channel of notices does not work, and nothing more is sent there.
    ChannelDisabled,
    /// Nobody has taken up failures of a reason, and they are told again, or to the next party.
    Escalated,
    /// The operator's: most of a promised time is used up.
    SlaWarning,
    /// The operator's: a promised time is over.
    SlaBreached,
    /// A test record did not go the whole way of an integration.
    SyntheticFailed,
    /// One does again, or none is sent any more.
    SyntheticPassed,
    /// Records of failures that are dealt with will have been kept long enough soon, and are deleted then.
    RecordsExpiring,
}

/// When a policy tells of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "Timing")]
pub enum NoticeTiming {
    /// At once.
    #[default]
    Instant,
    /// At the next full hour, all together.
    Hourly,
    /// At an hour of the day, all together.
    Daily,
}

/// Of what a policy tells: what is empty is left open, and all that is not must agree.
#[derive(SimpleObject)]
pub struct NoticeSelectors {
    /// Of these kinds.
    kinds: Vec<OccasionKind>,
    /// The operator's: about these tenants.
    tenant_ids: Vec<ID>,
    /// About these integrations.
    integration_ids: Vec<ID>,
    /// With one of these codes of the error catalogue.
    codes: Vec<String>,
    /// With a code of these categories.
    categories: Vec<FailureCategory>,
    /// On which one of these acts, as the notice says it.
    responsible_parties: Vec<ResponsibleParty>,
    /// Where so many records or more are concerned; 0 for any number.
    count_min: BigInt,
    /// Where so much or more depends on what failed; null for whatever happened.
    impact_min: Option<Impact>,
}

/// Hours of the day in which nothing is sent.
#[derive(SimpleObject)]
pub struct QuietHours {
    /// From when on, `HH:MM` of the policy's time zone.
    from: String,
    /// Until when; before `from` where a midnight is in between.
    until: String,
}

/// Which occasions are told where, and when. Whoever was told that something failed is told, once and by the same
/// channel, when it is over.
#[derive(Clone)]
pub struct NoticePolicy(pub(super) notice_policy::NoticePolicy);

/// Which occasions are told where, and when. Whoever was told that something failed is told, once and by the same
/// channel, when it is over.
#[Object]
impl NoticePolicy {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::NoticePolicy, self.0.id)
    }

    /// The tenant whose it is; null for the operator's.
    fn tenant_id(&self) -> Option<ID> {
        self.0.tenant_id.map(|tenant| id(Kind::Tenant, tenant))
    }

    /// Name for people.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it tells anything.
    fn is_enabled(&self) -> bool {
        self.0.is_enabled
    }

    /// Whether everybody has it by themselves; it can be switched off, and not be deleted.
    fn is_default(&self) -> bool {
        self.0.is_default
    }

    /// Of what it tells.
    fn selectors(&self) -> NoticeSelectors {
        let selectors = &self.0.selectors;
        let ids = |kind, ids: &[uuid::Uuid]| ids.iter().map(|uuid| id(kind, *uuid)).collect();
        NoticeSelectors {
            kinds: selectors.kinds.iter().map(|kind| (*kind).into()).collect(),
            tenant_ids: ids(Kind::Tenant, &selectors.tenant_ids),
            integration_ids: ids(Kind::Integration, &selectors.integration_ids),
            codes: selectors.codes.clone(),
            categories: selectors.categories.iter().map(|category| (*category).into()).collect(),
            responsible_parties: selectors.responsible_parties.iter().map(|party| (*party).into()).collect(),
            count_min: BigInt(selectors.count_min),
            impact_min: selectors.impact_min.map(Into::into),
        }
    }

    /// The channels where it tells it.
    fn channel_ids(&self) -> Vec<ID> {
        self.0.channel_ids.0.iter().map(|channel| id(Kind::NoticeChannel, *channel)).collect()
    }

    /// When.
    fn delivery(&self) -> NoticeTiming {
        self.0.delivery.into()
    }

    /// DAILY: at which hour of the day, 0 to 23; null for midnight.
    fn digest_hour(&self) -> Option<i32> {
        self.0.digest_hour
    }

    /// IANA name.
    fn time_zone(&self) -> &str {
        &self.0.time_zone
    }

    /// When nothing is sent: what comes then is told together afterwards. Null for never.
    fn quiet_hours(&self) -> Option<QuietHours> {
        let (from, until) = (self.0.quiet_from.clone()?, self.0.quiet_until.clone()?);
        Some(QuietHours { from, until })
    }

    /// What is sent in quiet hours all the same.
    fn quiet_override(&self) -> Vec<OccasionKind> {
        self.0.quiet_override.0.iter().map(|kind| (*kind).into()).collect()
    }

    /// Notices an hour that are sent at once, at most; what exceeds is told together when the hour is over. Null for 1,000.
    fn hourly_max(&self) -> Option<i32> {
        self.0.hourly_max
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

/// Which policies a list has.
#[derive(Debug, Default, InputObject)]
pub struct NoticePolicyFilter {
    /// Those of this tenant.
    tenant_id: Option<ID>,
    /// The operator's (true), or tenants' (false).
    is_operators: Option<bool>,
}

/// By what policies are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum NoticePolicyOrderField {
    /// By the time they were made; those that everybody has stand anywhere.
    #[default]
    CreatedAt,
}

/// Order of a list of policies; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct NoticePolicyOrder {
    /// By what.
    #[graphql(default)]
    field: NoticePolicyOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of policies.
#[derive(Default)]
pub struct NoticePolicyQuery;

#[Object]
impl NoticePolicyQuery {
    /// Policies of notices: of staff all, of others those of their tenants.
    async fn notice_policies(
        &self,
        ctx: &Context<'_>,
        filter: Option<NoticePolicyFilter>,
        order_by: Option<NoticePolicyOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<NoticePolicy>> {
        let NoticePolicyFilter { tenant_id, is_operators } = filter.unwrap_or_default();
        let tenant_id = optional_uuid(Kind::Tenant, tenant_id.as_ref());
        let filter = OwnerFilter { tenant_id, is_operators };
        let NoticePolicyOrder { field: NoticePolicyOrderField::CreatedAt, direction } =
            order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = notice_policy::list(&actor(ctx)?, &filter, direction.into(), &page).await?;
        Ok(Connection::new(rows, NoticePolicy))
    }
}

/// Of what a policy tells: what is left out or empty is open, and all that is not must agree.
#[derive(InputObject)]
pub struct NoticeSelectorsInput {
    /// Of these kinds; left out: of all but what says that something is over. That follows by itself wherever it was told
    /// that it began.
    #[graphql(default)]
    kinds: Vec<OccasionKind>,
    /// The operator's: about these tenants, up to 100.
    #[graphql(default)]
    tenant_ids: Vec<ID>,
    /// About these integrations, up to 100.
    #[graphql(default)]
    integration_ids: Vec<ID>,
    /// With one of these codes of the error catalogue, up to 100.
    #[graphql(default)]
    codes: Vec<String>,
    /// With a code of these categories.
    #[graphql(default)]
    categories: Vec<FailureCategory>,
    /// On which one of these acts, as the notice says it.
    #[graphql(default)]
    responsible_parties: Vec<ResponsibleParty>,
    /// Where so many records or more are concerned; 0 for any number.
    #[graphql(default_with = "BigInt(0)")]
    count_min: BigInt,
    /// Where so much or more depends on what failed; left out: whatever happened. What is about no failure, such as an
    /// integration that is late, is not told where it is set.
    impact_min: Option<Impact>,
}

impl NoticeSelectorsInput {
    fn decode(self) -> Selectors {
        Selectors {
            kinds: self.kinds.into_iter().map(Into::into).collect(),
            tenant_ids: uuids(Kind::Tenant, &self.tenant_ids),
            integration_ids: uuids(Kind::Integration, &self.integration_ids),
            codes: self.codes,
            categories: self.categories.into_iter().map(Into::into).collect(),
            responsible_parties: self.responsible_parties.into_iter().map(Into::into).collect(),
            count_min: self.count_min.0,
            impact_min: self.impact_min.map(Into::into),
        }
    }
}

/// Hours of the day in which nothing is sent.
#[derive(InputObject)]
pub struct QuietHoursInput {
    /// From when on, `HH:MM`.
    from: String,
    /// Until when, `HH:MM`; before `from` where a midnight is in between.
    until: String,
}

/// A policy to make.
#[derive(InputObject)]
pub struct CreateNoticePolicyInput {
    /// Whose it is; left out: your own tenant's, and of staff the operator's.
    tenant_id: Option<ID>,
    /// Name for people: 1 to 200 characters.
    name: String,
    /// Whether it tells anything.
    #[graphql(default = true)]
    is_enabled: bool,
    /// Of what it tells; left out: of everything.
    selectors: Option<NoticeSelectorsInput>,
    /// The channels where it tells it, of the same owner: 1 to 10.
    channel_ids: Vec<ID>,
    /// When.
    #[graphql(default)]
    delivery: NoticeTiming,
    /// DAILY: at which hour of the day, 0 to 23; left out: midnight.
    digest_hour: Option<i32>,
    /// IANA name; left out: UTC.
    time_zone: Option<String>,
    /// When nothing is sent; left out: never.
    quiet_hours: Option<QuietHoursInput>,
    /// What is sent in quiet hours all the same.
    #[graphql(default)]
    quiet_override: Vec<OccasionKind>,
    /// Notices an hour that are sent at once, 1 to 1,000; null for 1,000.
    #[graphql(default_with = "Some(HOURLY_DEFAULT)")]
    hourly_max: Option<i32>,
}

/// What changes of a policy; what is left out stays.
#[derive(InputObject)]
pub struct UpdateNoticePolicyInput {
    /// Which policy.
    policy_id: ID,
    /// Name for people: 1 to 200 characters.
    name: Option<String>,
    /// Whether it tells anything. What it has gathered is sent when it is switched off.
    is_enabled: Option<bool>,
    /// Of what it tells, all of it.
    selectors: Option<NoticeSelectorsInput>,
    /// The channels where it tells it, of the same owner: 1 to 10.
    channel_ids: Option<Vec<ID>>,
    /// When.
    delivery: Option<NoticeTiming>,
    /// DAILY: at which hour of the day, 0 to 23; null for midnight.
    digest_hour: MaybeUndefined<i32>,
    /// IANA name.
    time_zone: Option<String>,
    /// When nothing is sent; null for never.
    quiet_hours: MaybeUndefined<QuietHoursInput>,
    /// What is sent in quiet hours all the same.
    quiet_override: Option<Vec<OccasionKind>>,
    /// Notices an hour that are sent at once, 1 to 1,000; null for 1,000.
    hourly_max: MaybeUndefined<i32>,
}

/// Which policy to delete.
#[derive(InputObject)]
pub struct DeleteNoticePolicyInput {
    /// Which policy.
    policy_id: ID,
}

/// A policy, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct NoticePolicyPayload {
    /// The policy; null when `userErrors` is not empty.
    notice_policy: Option<NoticePolicy>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl NoticePolicyPayload {
    fn of(result: domain::Result<notice_policy::NoticePolicy>) -> Result<Self> {
        let (policy, user_errors) = outcome(result)?;
        Ok(Self { notice_policy: policy.map(NoticePolicy), user_errors })
    }
}

/// The id of what was deleted, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct DeleteNoticePolicyPayload {
    /// What was deleted; null when `userErrors` is not empty.
    deleted_id: Option<ID>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of policies.
#[derive(Default)]
pub struct NoticePolicyMutation;

#[Object]
impl NoticePolicyMutation {
    /// Makes a policy.
    async fn create_notice_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] input: CreateNoticePolicyInput,
    ) -> Result<NoticePolicyPayload> {
        let new = NewNoticePolicy {
            tenant_id: optional_uuid(Kind::Tenant, input.tenant_id.as_ref()),
            name: input.name,
            is_enabled: input.is_enabled,
            selectors: input.selectors.map(NoticeSelectorsInput::decode).unwrap_or_default(),
            channel_ids: uuids(Kind::NoticeChannel, &input.channel_ids),
            delivery: input.delivery.into(),
            digest_hour: input.digest_hour,
            time_zone: input.time_zone,
            quiet_hours: input.quiet_hours.map(|hours| (hours.from, hours.until)),
            quiet_override: input.quiet_override.into_iter().map(Into::into).collect(),
            hourly_max: input.hourly_max,
        };
        NoticePolicyPayload::of(notice_policy::create(&actor(ctx)?, new).await)
    }

    /// Changes a policy, or switches it on or off.
    async fn update_notice_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateNoticePolicyInput,
    ) -> Result<NoticePolicyPayload> {
        let policy_id = uuid(Kind::NoticePolicy, &input.policy_id);
        let quiet_hours = match input.quiet_hours {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(hours) => Some(Some((hours.from, hours.until))),
        };
        let changes = NoticePolicyChanges {
            name: input.name,
            is_enabled: input.is_enabled,
            selectors: input.selectors.map(NoticeSelectorsInput::decode),
            channel_ids: input.channel_ids.map(|ids| uuids(Kind::NoticeChannel, &ids)),
            delivery: input.delivery.map(Into::into),
            digest_hour: input.digest_hour.into(),
            time_zone: input.time_zone,
            quiet_hours,
            quiet_override: input.quiet_override.map(|kinds| kinds.into_iter().map(Into::into).collect()),
            hourly_max: input.hourly_max.into(),
        };
        NoticePolicyPayload::of(notice_policy::update(&actor(ctx)?, policy_id, changes).await)
    }

    /// Deletes a policy. What it has gathered is sent.
    async fn delete_notice_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] input: DeleteNoticePolicyInput,
    ) -> Result<DeleteNoticePolicyPayload> {
        let policy_id = uuid(Kind::NoticePolicy, &input.policy_id);
        let (deleted, user_errors) = outcome(notice_policy::delete(&actor(ctx)?, policy_id).await)?;
        Ok(DeleteNoticePolicyPayload { deleted_id: deleted.map(|()| input.policy_id), user_errors })
    }
}

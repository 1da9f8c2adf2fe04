//! Notices: what somebody was told, where, whether it arrived, and to send it once more. Which occasions become one
//! stands in `background`, whom they go to in [`notice_policy`](crate::notice_policy) and
//! [`notice_channel`](crate::notice_channel).

pub(crate) mod door;
pub(crate) mod render;
pub(crate) mod standard;
pub(crate) mod subject;
pub(crate) mod timing;
pub(crate) mod words;

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::notice_delivery::NoticeDeliveryStatus;
use entity::occasion::OccasionKind;
use entity::user::{self, Role};
use entity::{notice, notice_attempt, notice_channel, notice_delivery, notice_subject, occasion};
use sea_orm::sea_query::{Expr, ExprTrait, LockType, Order};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::actor::Actor;
use crate::audit::{self, Entry};
use crate::error::{Doing, Error, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::notice_channel::{is_or_is_not_null, lock};
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::Keyset;

pub use entity::notice::{Model as Notice, NoticeItem, NoticeKind, NoticeWait};
pub use entity::notice_attempt::{Model as NoticeAttempt, NoticeAttemptOutcome};
pub use entity::notice_delivery::{Model as NoticeDelivery, NoticeDeliveryStatus as DeliveryStatus};
pub use entity::occasion::OccasionKind as Occasion;
pub use words::event_type;

/// How long notices are kept, in days: a quarter, in which somebody asks who was told.
const KEPT_DAYS: i64 = 90;
/// Rows of each table that a purge deletes at once.
const PURGED_MAX: u64 = 500;
/// How often it does so, at most: 50,000 rows, and the next purge goes on.
const PURGE_ROUNDS_MAX: usize = 100;
/// Administrators that one notice goes to, at most.
const ADMINS_MAX: u64 = 50;
/// Attempts of a delivery that are listed; there are some ten, and as many more for each replay.
const ATTEMPTS_MAX: u64 = 100;

/// Which notices a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NoticeFilter {
    /// Told to this tenant.
    pub tenant_id: Option<Uuid>,
    /// Told to the operator, or to tenants.
    pub is_operators: Option<bool>,
    /// By this channel.
    pub channel_id: Option<Uuid>,
    /// By this policy.
    pub policy_id: Option<Uuid>,
    /// Of one occasion about this integration.
    pub integration_id: Option<Uuid>,
    /// Of one occasion of these kinds.
    pub occasion_kinds: Option<Vec<OccasionKind>>,
}

/// Which deliveries a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeliveryFilter {
    /// Of notices to this tenant.
    pub tenant_id: Option<Uuid>,
    /// Of notices to the operator, or to tenants.
    pub is_operators: Option<bool>,
    /// By this channel.
    pub channel_id: Option<Uuid>,
    /// With one of these.
    pub status: Option<Vec<NoticeDeliveryStatus>>,
}

/// One notice; `None` when there is none that the caller may see.
///
/// # Errors
/// Denied without `notices:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<Notice>> {
    let scope = actor.authorize(Permission::NoticeRead)?;
    scope.find::<notice::Entity>().of_id(notice::Column::Id, id).one().await
}

/// Notices by id, those that the caller may see.
///
/// # Errors
/// Denied without `notices:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Notice>> {
    let scope = actor.authorize(Permission::NoticeRead)?;
    let rows = scope.find::<notice::Entity>().of_ids(notice::Column::Id, ids.iter().copied()).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// A page of notices, in the order in which their first occasions came.
///
/// # Errors
/// Denied without `notices:read`; [`Error::Argument`] for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &NoticeFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<Notice>> {
    let scope = actor.authorize(Permission::NoticeRead)?;
    let keyset = Keyset { name: "notice", column: None, id: notice::Column::Id, direction };
    scope
        .find::<notice::Entity>()
        .of_tenant(filter.tenant_id)
        .filter_some(filter.is_operators, |is| is_or_is_not_null(notice::Column::TenantId, is))
        .filter_some(filter.channel_id, |id| notice::Column::ChannelId.eq(id))
        .filter_some(filter.policy_id, |id| notice::Column::PolicyId.eq(id))
        .filter_some(filter.integration_id, |id| notice::Column::IntegrationId.eq(id))
        .of_one_if(filter.channel_id.or(filter.policy_id).or(filter.integration_id).is_some())
        .filter_some(filter.occasion_kinds.clone(), |kinds| notice::Column::OccasionKind.is_in(kinds))
        .page(&keyset, &page.check(keyset.name)?)
        .await
}

/// A page of deliveries, in the order in which they were made.
///
/// # Errors
/// Denied without `notices:read`; [`Error::Argument`] for a bad page.
pub async fn deliveries(
    actor: &Actor,
    filter: &DeliveryFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<NoticeDelivery>> {
    let scope = actor.authorize(Permission::NoticeRead)?;
    let keyset = Keyset { name: "delivery", column: None, id: notice_delivery::Column::Id, direction };
    let rows = scope
        .find::<notice_delivery::Entity>()
        .of_tenant(filter.tenant_id)
        .filter_some(filter.is_operators, |is| is_or_is_not_null(notice_delivery::Column::TenantId, is))
        .filter_some(filter.channel_id, |id| notice_delivery::Column::ChannelId.eq(id))
        .of_one_if(filter.channel_id.is_some())
        .one_of_rare(notice_delivery::Column::Status, filter.status.clone(), "DELIVERED")
        .page(&keyset, &page.check(keyset.name)?)
        .await?;
    Ok(rows.map(|row| seen_by(actor, row)))
}

/// A delivery as a caller sees it: an address is a person's.
fn seen_by(actor: &Actor, row: NoticeDelivery) -> NoticeDelivery {
    let recipient = row.recipient.filter(|_| actor.may(Permission::UserRead));
    NoticeDelivery { recipient, ..row }
}

/// The deliveries of these notices, each notice's in the order in which they were made. A notice goes to one channel, so
/// it has as many as that has addresses.
///
/// # Errors
/// Denied without `notices:read`.
pub async fn deliveries_by_notices(
    actor: &Actor,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<NoticeDelivery>>> {
    let scope = actor.authorize(Permission::NoticeRead)?;
    let rows = scope
        .find::<notice_delivery::Entity>()
        .filter(notice_delivery::Column::NoticeId.is_in(ids.iter().copied()))
        .order_by(notice_delivery::Column::Id, Order::Asc)
        .all()
        .await?;
    let mut by_notice: HashMap<Uuid, Vec<NoticeDelivery>> = HashMap::new();
    for row in rows {
        by_notice.entry(row.notice_id).or_default().push(seen_by(actor, row));
    }
    Ok(by_notice)
}

/// The attempts at these deliveries, oldest first, at most [`ATTEMPTS_MAX`] for each on average.
///
/// # Errors
/// Denied without `notices:read`.
pub async fn attempts_by_deliveries(
    actor: &Actor,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<NoticeAttempt>>> {
    let scope = actor.authorize(Permission::NoticeRead)?;
    let rows = scope
        .find::<notice_attempt::Entity>()
        .filter(notice_attempt::Column::DeliveryId.is_in(ids.iter().copied()))
        .order_by(notice_attempt::Column::Id, Order::Asc)
        .limit(ATTEMPTS_MAX * ids.len() as u64)
        .all()
        .await?;
    let mut by_delivery: HashMap<Uuid, Vec<NoticeAttempt>> = HashMap::new();
    for row in rows {
        by_delivery.entry(row.delivery_id).or_default().push(row);
    }
    Ok(by_delivery)
}

/// Sends a notice once more to every receiver that it went to, with the id that it had; where it went to nobody, to those of
/// its channel now. One that still waits is sent now.
///
/// # Errors
/// Denied without `notices:manage`. Rejected: `NOT_FOUND` noticeId; `CONFLICT` while it collects, when its channel is
/// disabled, deleted or has no address, or when no mail is sent here.
pub async fn replay(actor: &Actor, id: Uuid) -> Result<Notice> {
    let scope = actor.authorize(Permission::NoticeManage)?;
    let not_found = || Error::not_found("noticeId", "notice");
    let row = scope.find::<notice::Entity>().of_id(notice::Column::Id, id).one().await?;
    let row = row.ok_or_else(not_found)?;
    if row.sent_at.is_none() {
        return Err(Error::conflict("noticeId", "was not sent yet: it waits for its time"));
    }
    let (app, now) = (scope.app(), scope.app().clock().now());
    let tx = app.database().begin_of(row.tenant_id).await?;
    let channel = lock(&tx, row.channel_id, LockType::Update)
        .await?
        .ok_or_else(|| Error::conflict("noticeId", "can't be sent: its channel was deleted"))?;
    if channel.status == notice_channel::NoticeChannelStatus::Disabled {
        return Err(Error::conflict("noticeId", "can't be sent: activate its channel first"));
    }
    if channel.kind == notice_channel::NoticeChannelKind::Email {
        if app.people().mail.is_none() {
            return Err(Error::conflict("noticeId", "can't be sent: this installation sends no mail"));
        }
        address(&tx, &row, &channel, now).await?;
    }
    let attempts = Expr::col(notice_delivery::Column::AttemptCount);
    door::update::<notice_delivery::Entity>()
        .col_expr(notice_delivery::Column::Status, Expr::value(NoticeDeliveryStatus::Queued))
        .col_expr(notice_delivery::Column::AvailableAt, Expr::value(now))
        // One that a worker has now is not its own any more.
        .col_expr(notice_delivery::Column::AttemptCount, attempts.clone().add(1))
        .col_expr(notice_delivery::Column::ReplayedAfter, attempts.add(1))
        .col_expr(notice_delivery::Column::FinishedAt, Expr::value(None::<DateTime<Utc>>))
        .filter(notice_delivery::Column::NoticeId.eq(id))
        .exec(&tx)
        .await
        .doing("queueing a notice once more")?;
    let entry = Entry::of(row.tenant_id, Some(GlobalId::new(Kind::Notice, id)));
    audit::commit(tx, entry, "committing a replay").await?;
    Ok(row)
}

/// Gives a notice that went to nobody the receivers of its channel now.
async fn address(
    tx: &DatabaseTransaction,
    row: &notice::Model,
    channel: &notice_channel::Model,
    now: DateTime<Utc>,
) -> Result<()> {
    let to_nobody =
        notice_delivery::Column::NoticeId.eq(row.id).and(notice_delivery::Column::Recipient.is_null());
    let empty: Vec<Uuid> = door::find::<notice_delivery::Entity>()
        .select_only()
        .column(notice_delivery::Column::Id)
        .filter(to_nobody)
        .into_tuple()
        .all(tx)
        .await
        .doing("reading whom a notice went to")?;
    if empty.is_empty() {
        return Ok(());
    }
    let admins = if channel.to_admins { admins(tx, row.tenant_id).await? } else { Vec::new() };
    let deliveries = deliveries_of(row, channel, &admins, true, now);
    if deliveries.iter().any(|delivery| delivery.recipient.is_none()) {
        return Err(Error::conflict("noticeId", "can't be sent: its channel has no address"));
    }
    for delivery in deliveries {
        door::insert::<notice_delivery::Entity>(tx, delivery, "storing whom a notice goes to").await?;
    }
    // Nothing was ever tried of those, so that nothing refers to them.
    door::delete::<notice_delivery::Entity>()
        .filter(notice_delivery::Column::Id.is_in(empty))
        .exec(tx)
        .await
        .doing("storing whom a notice goes to")?;
    Ok(())
}

/// Queues a notice to the receivers of its channel. `admins` are addresses of whoever administers its owner.
pub(crate) fn deliveries_of(
    notice: &notice::Model,
    channel: &notice_channel::Model,
    admins: &[String],
    sends_mail: bool,
    now: DateTime<Utc>,
) -> Vec<notice_delivery::Model> {
    let row = |recipient: Option<String>| notice_delivery::Model {
        id: new_id(),
        tenant_id: notice.tenant_id,
        notice_id: notice.id,
        channel_id: channel.id,
        recipient,
        status: match channel.status {
            notice_channel::NoticeChannelStatus::Active => NoticeDeliveryStatus::Queued,
            notice_channel::NoticeChannelStatus::Disabled => NoticeDeliveryStatus::Parked,
        },
        attempt_count: 0,
        replayed_after: 0,
        available_at: now,
        created_at: now,
        finished_at: None,
        http_status: None,
        last_error: None,
    };
    if channel.kind != notice_channel::NoticeChannelKind::Email {
        return vec![row(None)];
    }
    let given_up = |recipient: Option<String>, error: &str| notice_delivery::Model {
        status: NoticeDeliveryStatus::Failed,
        finished_at: Some(now),
        last_error: Some(error.to_owned()),
        ..row(recipient)
    };
    let more = if channel.to_admins { admins } else { &[] };
    let mut addresses: Vec<&String> = channel.addresses.0.iter().chain(more).collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return vec![given_up(None, "there is nobody to write to: the channel has no address")];
    }
    let each = |address: &String| match sends_mail {
        true => row(Some(address.clone())),
        false => given_up(Some(address.clone()), "this installation sends no mail"),
    };
    addresses.into_iter().map(each).collect()
}

/// Mail addresses of whoever administers a tenant, or the platform.
#[expect(clippy::disallowed_methods, reason = "people stand before tenants; the owner is named")]
pub(crate) async fn admins(connection: &impl ConnectionTrait, owner: Option<Uuid>) -> Result<Vec<String>> {
    use sea_orm::EntityTrait;
    let of_owner = match owner {
        Some(tenant_id) => user::Column::TenantId.eq(tenant_id).and(user::Column::Role.eq(Role::TenantAdmin)),
        None => user::Column::TenantId.is_null().and(user::Column::Role.eq(Role::PlatformAdmin)),
    };
    user::Entity::find()
        .select_only()
        .column(user::Column::Email)
        .filter(of_owner)
        .filter(user::Column::DisabledAt.is_null())
        .order_by_asc(user::Column::Id)
        .limit(ADMINS_MAX)
        .into_tuple()
        .all(connection)
        .await
        .doing("reading who administers")
}

/// Deletes what is older than anybody asks for. Returns how many notices, occasions, and what was never over.
pub(crate) async fn purge(connection: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64> {
    let old = now - Duration::days(KEPT_DAYS);
    let mut deleted = 0;
    for _round in 0..PURGE_ROUNDS_MAX {
        let rows = [
            purge_notices(connection, old).await?,
            purge_occasions(connection, old).await?,
            purge_subjects(connection, old).await?,
        ];
        deleted += rows.iter().sum::<u64>();
        if rows.iter().all(|rows| *rows < PURGED_MAX) {
            break;
        }
    }
    Ok(deleted)
}

/// Old notices, with their deliveries and the attempts at those.
async fn purge_notices(connection: &impl ConnectionTrait, old: DateTime<Utc>) -> Result<u64> {
    let doing = "deleting old notices";
    let ids: Vec<Uuid> = door::find::<notice::Entity>()
        .select_only()
        .column(notice::Column::Id)
        .filter(notice::Column::SentAt.lt(old))
        .order_by_asc(notice::Column::SentAt)
        .limit(PURGED_MAX)
        .into_tuple()
        .all(connection)
        .await
        .doing(doing)?;
    if ids.is_empty() {
        return Ok(0);
    }
    let deliveries: Vec<Uuid> = door::find::<notice_delivery::Entity>()
        .select_only()
        .column(notice_delivery::Column::Id)
        .filter(notice_delivery::Column::NoticeId.is_in(ids.iter().copied()))
        .into_tuple()
        .all(connection)
        .await
        .doing(doing)?;
    for part in deliveries.chunks(PURGED_MAX as usize) {
        door::delete::<notice_attempt::Entity>()
            .filter(notice_attempt::Column::DeliveryId.is_in(part.iter().copied()))
            .exec(connection)
            .await
            .doing(doing)?;
    }
    door::delete::<notice_delivery::Entity>()
        .filter(notice_delivery::Column::NoticeId.is_in(ids.iter().copied()))
        .exec(connection)
        .await
        .doing(doing)?;
    door::delete::<notice::Entity>()
        .filter(notice::Column::Id.is_in(ids.iter().copied()))
        .exec(connection)
        .await
        .doing(doing)?;
    Ok(ids.len() as u64)
}

async fn purge_occasions(connection: &impl ConnectionTrait, old: DateTime<Utc>) -> Result<u64> {
    let ids: Vec<Uuid> = door::find::<occasion::Entity>()
        .select_only()
        .column(occasion::Column::Id)
        .filter(occasion::Column::NoticedAt.lt(old))
        .order_by_asc(occasion::Column::NoticedAt)
        .limit(PURGED_MAX)
        .into_tuple()
        .all(connection)
        .await
        .doing("reading old occasions")?;
    if ids.is_empty() {
        return Ok(0);
    }
    let deleted = door::delete::<occasion::Entity>()
        .filter(occasion::Column::Id.is_in(ids))
        .exec(connection)
        .await
        .doing("deleting old occasions")?;
    Ok(deleted.rows_affected)
}

/// What was told so long ago that it is nobody's news that it is over.
async fn purge_subjects(connection: &impl ConnectionTrait, old: DateTime<Utc>) -> Result<u64> {
    let ids: Vec<Uuid> = door::find::<notice_subject::Entity>()
        .select_only()
        .column(notice_subject::Column::Id)
        .filter(notice_subject::Column::CreatedAt.lt(old))
        .order_by_asc(notice_subject::Column::CreatedAt)
        .limit(PURGED_MAX)
        .into_tuple()
        .all(connection)
        .await
        .doing("reading what is not over")?;
    if ids.is_empty() {
        return Ok(0);
    }
    let deleted = door::delete::<notice_subject::Entity>()
        .filter(notice_subject::Column::Id.is_in(ids))
        .exec(connection)
        .await
        .doing("forgetting what is not over")?;
    Ok(deleted.rows_affected)
}

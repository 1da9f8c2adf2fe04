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
use entity::{notice, notice_attempt, notice_channel, notice_delivery, occasion};
use sea_orm::sea_query::{Expr, ExprTrait, Order};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::actor::Actor;
use crate::audit::{self, Entry};
use crate::error::{Doing, Error, Result};
use crate::id::{GlobalId, Kind, new_id};
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
/// Rows that one purge deletes of each table.
const PURGED_MAX: u64 = 500;
/// Administrators that one notice goes to, at most.
const ADMINS_MAX: u64 = 50;
/// Attempts of a delivery that are listed; there are some ten, and as many more for each replay.
const ATTEMPTS_MAX: u64 = 100;

/// Which notices a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NoticeFilter {
    /// Told to this tenant.
    pub tenant_id: Option<Uuid>,
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
    scope.find::<notice::Entity>().filter(notice::Column::Id.eq(id)).one().await
}

/// Notices by id, those that the caller may see.
///
/// # Errors
/// Denied without `notices:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Notice>> {
    let scope = actor.authorize(Permission::NoticeRead)?;
    let these = notice::Column::Id.is_in(ids.iter().copied());
    let rows = scope.find::<notice::Entity>().filter(these).all().await?;
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
        .filter_some(filter.tenant_id, |id| notice::Column::TenantId.eq(id))
        .filter_some(filter.channel_id, |id| notice::Column::ChannelId.eq(id))
        .filter_some(filter.policy_id, |id| notice::Column::PolicyId.eq(id))
        .filter_some(filter.integration_id, |id| notice::Column::IntegrationId.eq(id))
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
    scope
        .find::<notice_delivery::Entity>()
        .filter_some(filter.tenant_id, |id| notice_delivery::Column::TenantId.eq(id))
        .filter_some(filter.channel_id, |id| notice_delivery::Column::ChannelId.eq(id))
        .filter_some(filter.status.clone(), |status| notice_delivery::Column::Status.is_in(status))
        .page(&keyset, &page.check(keyset.name)?)
        .await
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
        by_notice.entry(row.notice_id).or_default().push(row);
    }
    Ok(by_notice)
}

/// The attempts at these deliveries, oldest first, at most [`ATTEMPTS_MAX`] for each on average.
///
/// # Errors
/// Denied without `notices:manage`.
pub async fn attempts_by_deliveries(
    actor: &Actor,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<NoticeAttempt>>> {
    let scope = actor.authorize(Permission::NoticeManage)?;
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

/// Sends a notice once more to every receiver that it went to, with the id that it had. One that still waits is sent now.
///
/// # Errors
/// Denied without `notices:manage`. Rejected: `NOT_FOUND` noticeId; `CONFLICT` while it collects, or when its channel is
/// disabled or deleted.
pub async fn replay(actor: &Actor, id: Uuid) -> Result<Notice> {
    let scope = actor.authorize(Permission::NoticeManage)?;
    let not_found = || Error::not_found("noticeId", "notice");
    let row = scope.find::<notice::Entity>().filter(notice::Column::Id.eq(id)).one().await?;
    let row = row.ok_or_else(not_found)?;
    if row.sent_at.is_none() {
        return Err(Error::conflict("noticeId", "was not sent yet: it waits for its time"));
    }
    let channel = scope
        .find::<notice_channel::Entity>()
        .filter(notice_channel::Column::Id.eq(row.channel_id))
        .one()
        .await?
        .ok_or_else(|| Error::conflict("noticeId", "can't be sent: its channel was deleted"))?;
    if channel.status == notice_channel::NoticeChannelStatus::Disabled {
        return Err(Error::conflict("noticeId", "can't be sent: activate its channel first"));
    }
    let app = scope.app();
    let tx = app.database().begin_of(row.tenant_id).await?;
    let attempts = Expr::col(notice_delivery::Column::AttemptCount);
    door::update::<notice_delivery::Entity>()
        .col_expr(notice_delivery::Column::Status, Expr::value(NoticeDeliveryStatus::Queued))
        .col_expr(notice_delivery::Column::AvailableAt, Expr::value(app.clock().now()))
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

/// Deletes what is older than anybody asks for. Returns how many notices and occasions.
pub(crate) async fn purge(connection: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64> {
    let old = now - Duration::days(KEPT_DAYS);
    let doing = "deleting old notices";
    let ids: Vec<Uuid> = door::find::<notice::Entity>()
        .select_only()
        .column(notice::Column::Id)
        .filter(notice::Column::SentAt.lt(old))
        .order_by_asc(notice::Column::Id)
        .limit(PURGED_MAX)
        .into_tuple()
        .all(connection)
        .await
        .doing(doing)?;
    if !ids.is_empty() {
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
    }
    let occasions: Vec<Uuid> = door::find::<occasion::Entity>()
        .select_only()
        .column(occasion::Column::Id)
        .filter(occasion::Column::NoticedAt.lt(old))
        .order_by_asc(occasion::Column::NoticedAt)
        .limit(PURGED_MAX)
        .into_tuple()
        .all(connection)
        .await
        .doing(doing)?;
    let deleted = door::delete::<occasion::Entity>()
        .filter(occasion::Column::Id.is_in(occasions))
        .exec(connection)
        .await
        .doing("deleting old occasions")?;
    Ok(ids.len() as u64 + deleted.rows_affected)
}

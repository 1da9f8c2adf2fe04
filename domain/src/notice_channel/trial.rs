//! Trying a channel: a notice of nothing goes the whole way that others go, by a worker, and whoever asked is told in words
//! what came of it.

use std::time::Duration;

use entity::notice::{self, NoticeItemList, NoticeKind};
use entity::notice_channel::NoticeChannelStatus;
use entity::notice_delivery::{self, NoticeDeliveryStatus};
use sea_orm::ColumnTrait;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{NoticeChannel, entry, found, locked};
use crate::actor::Actor;
use crate::audit;
use crate::error::{Error, Result};
use crate::id::new_id;
use crate::notice::{self as notices, door};
use crate::permission::Permission;
use crate::scope::Scope;

/// How long somebody waits for the outcome; a delivery goes on after that.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often the outcome is looked for: one indexed query each.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// What came of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestOutcome {
    /// The channel as it is then.
    pub channel: NoticeChannel,
    /// The notice that was sent.
    pub notice_id: Uuid,
    /// Whether every receiver took it; `None` when that is not known yet.
    pub delivered: Option<bool>,
    /// In words.
    pub message: String,
}

/// Sends a test to a channel, and waits for what comes of it.
///
/// # Errors
/// Denied without `notices:manage`. Rejected: `NOT_FOUND` channelId; `CONFLICT` when it is disabled.
pub async fn test(actor: &Actor, id: Uuid) -> Result<TestOutcome> {
    let scope = actor.authorize(Permission::NoticeManage)?;
    let owner = found(&scope, id).await?.tenant_id;
    let (app, now) = (scope.app(), scope.app().clock().now());
    let tx = app.database().begin_of(owner).await?;
    let row = locked(&tx, id).await?;
    if row.status == NoticeChannelStatus::Disabled {
        return Err(Error::conflict("channelId", "is disabled; activate it first"));
    }
    let notice = notice::Model {
        id: new_id(),
        tenant_id: row.tenant_id,
        policy_id: None,
        policy_name: None,
        channel_id: id,
        channel_name: row.name.clone(),
        kind: NoticeKind::Test,
        occasion_kind: None,
        integration_id: None,
        items: NoticeItemList::default(),
        item_count: 0,
        waits_for: None,
        due_at: None,
        sent_at: Some(now),
        created_at: now,
    };
    let admins = if row.to_admins { notices::admins(&tx, row.tenant_id).await? } else { Vec::new() };
    let deliveries = notices::deliveries_of(&notice, &row, &admins, app.people().mail.is_some(), now);
    door::insert::<notice::Entity>(&tx, notice.clone(), "storing a test").await?;
    for delivery in deliveries {
        door::insert::<notice_delivery::Entity>(&tx, delivery, "storing a test").await?;
    }
    audit::commit(tx, entry(&row, None), "committing a test").await?;
    let until = Instant::now() + PATIENCE;
    loop {
        let rows = deliveries_of(&scope, notice.id).await?;
        let is_over = rows.iter().all(|row| row.status != NoticeDeliveryStatus::Queued);
        if is_over || Instant::now() >= until || rows.iter().any(|row| row.last_error.is_some()) {
            let channel = found(&scope, id).await?;
            let channel = NoticeChannel::of(channel, actor, app.clock().now());
            return Ok(outcome(channel, notice.id, &rows));
        }
        sleep(LOOK_INTERVAL).await;
    }
}

async fn deliveries_of(scope: &Scope, notice_id: Uuid) -> Result<Vec<notice_delivery::Model>> {
    scope
        .find::<notice_delivery::Entity>()
        .filter(notice_delivery::Column::NoticeId.eq(notice_id))
        .all()
        .await
}

fn outcome(channel: NoticeChannel, notice_id: Uuid, rows: &[notice_delivery::Model]) -> TestOutcome {
    let failed = rows.iter().find_map(|row| {
        let error = row.last_error.as_ref()?;
        // Who may not know the channel's addresses reads none here either.
        let recipient = row.recipient.as_ref().filter(|_| channel.addresses.is_some());
        let whom = recipient.map(|recipient| format!("{recipient}: ")).unwrap_or_default();
        (row.status != NoticeDeliveryStatus::Delivered).then(|| format!("{whom}{error}"))
    });
    let is_delivered = rows.iter().all(|row| row.status == NoticeDeliveryStatus::Delivered);
    let (delivered, message) = match failed {
        Some(error) => (Some(false), format!("It did not arrive: {error}")),
        None if is_delivered => {
            let status = rows.iter().find_map(|row| row.http_status);
            let answer = status.map(|status| format!(": the receiver answered {status}")).unwrap_or_default();
            (Some(true), format!("It was delivered{answer}."))
        }
        None => (None, "It is on its way: no worker has delivered it yet.".to_owned()),
    };
    TestOutcome { channel, notice_id, delivered, message }
}

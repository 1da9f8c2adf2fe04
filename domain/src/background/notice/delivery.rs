//! Deliveries: which are due, for which worker, and what becomes of them. Each arrives at least once, with an id that stays
//! the same. A worker takes one by a conditional update, with a lease: should it die, another one takes it.
//!
//! Deliberately absent: HTTP and SMTP (`worker`).

pub(super) mod slots;

use std::collections::HashMap;
use std::time::Duration as StdDuration;

use chrono::{DateTime, Duration, Utc};
use connector::{sign_webhook, webhook_key};
use entity::notice_attempt::{self, NoticeAttemptOutcome};
use entity::notice_channel::{self, NoticeChannelKind, NoticeChannelStatus};
use entity::notice_delivery::{self, NoticeDeliveryStatus};
use entity::occasion::OccasionKind;
use entity::{notice, occasion};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use self::slots::{DeliverySlot, UnderWay};
use super::super::{Background, mail};
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::notice::{door, render};
use crate::notice_channel::{ChannelSecret, lock, park};
use crate::occasion::NewOccasion;

/// How long a worker has for one attempt, in seconds; then another one takes it.
pub const NOTICE_LEASE_SECONDS: i64 = 120;
/// Deliveries that are looked at for each that is taken: the first ones may be of channels that are busy.
const LOOKED_AT_FACTOR: usize = 4;
/// Waits between attempts at a webhook, in seconds: those that Standard Webhooks advises, up to a day in all
/// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability>).
const WEBHOOK_WAITS_SECONDS: [i64; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 23_095];
/// How long nothing arrives at a webhook before it is disabled.
const FAILING_HOURS_MAX: i64 = 24;
/// Attempts before a mail is given up: three days, a weekend in which nobody mends a mail server.
const MAIL_ATTEMPTS_MAX: i64 = 80;
/// Attempts at a mail that the server refuses: some refuse a stranger's first on purpose, and take the second.
const MAIL_REFUSED_ATTEMPTS_MAX: i64 = 4;
/// Attempts beyond those that came to an end: a worker that dies at one again and again must not do so for ever.
const UNENDED_ATTEMPTS_MAX: i64 = 10;
/// Longest text of a reply or an error that is kept, in characters.
const TEXT_CHARS_MAX: usize = 500;

/// A notice that this worker may deliver now.
#[derive(Clone, Debug)]
pub struct OutgoingNotice {
    /// The delivery.
    pub id: Uuid,
    /// The channel.
    pub channel_id: Uuid,
    /// The place that it has of those of the worker.
    pub slot: DeliverySlot,
    /// What goes out.
    pub delivery: Delivery,
    /// The tenant whose it is; `None` for the operator's.
    pub owner: Option<Uuid>,
    notice_id: Uuid,
    kind: NoticeChannelKind,
    /// Whether something has not arrived at its channel lately.
    is_failing: bool,
    /// The fence of this worker.
    attempt: i64,
    /// Attempts since it was made, or replayed last, this one included.
    tried: i64,
}

/// What goes out.
#[derive(Clone)]
pub enum Delivery {
    /// A request.
    Request {
        /// Where to; a secret of Slack's.
        url: String,
        /// Names and values.
        headers: Vec<(&'static str, String)>,
        /// JSON.
        body: Vec<u8>,
    },
    /// A mail.
    Mail {
        /// The address.
        to: String,
        /// One line.
        subject: String,
        /// Plain text, lines end in `\n`.
        text: String,
        /// The same as HTML.
        html: String,
        /// When it happened.
        created_at: DateTime<Utc>,
        /// The same at each attempt; no domain.
        message_id: String,
    },
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Request { .. } => "Request",
            Self::Mail { .. } => "Mail",
        })
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryOutcome {
    /// What the receiver meant.
    pub answer: Answer,
    /// How long it took.
    pub duration: StdDuration,
    /// Status of an HTTP reply.
    pub http_status: Option<u16>,
    /// The beginning of the reply.
    pub response: Option<String>,
}

/// What a receiver meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It took it.
    Taken,
    /// It did not, and may another time.
    Failed {
        /// In words.
        error: String,
        /// It asks for patience.
        retry_after: Option<StdDuration>,
    },
    /// A mail server does not want this mail.
    Refused {
        /// In words.
        error: String,
    },
    /// Nobody is there any more (HTTP 410).
    Gone,
}

impl Background {
    /// Deliveries that are due, claimed for this worker: as many as there are places beside those that it delivers already.
    /// Mails only where it has a mail server.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; what was claimed is claimed again after its lease.
    pub async fn next_notices(&self, under_way: &UnderWay, sends_mail: bool) -> Result<Vec<OutgoingNotice>> {
        let now = self.app().clock().now();
        let mut due = door::find::<notice_delivery::Entity>()
            .filter(notice_delivery::Column::Status.eq(NoticeDeliveryStatus::Queued))
            .filter(notice_delivery::Column::AvailableAt.lte(now))
            .filter(under_way.with_room())
            .order_by_asc(notice_delivery::Column::AvailableAt)
            .order_by_asc(notice_delivery::Column::Id)
            .limit((under_way.room() * LOOKED_AT_FACTOR) as u64);
        if !sends_mail {
            due = due.filter(notice_delivery::Column::Recipient.is_null());
        }
        let connection = self.app().across_tenants().writer();
        let due = due.all(connection).await.doing("reading deliveries that are due")?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let mut under_way = under_way.clone();
        let mut claimed = Vec::new();
        for row in due {
            let slot = DeliverySlot::of(&row);
            if under_way.has(slot) && self.claim_delivery(&row, now).await? {
                under_way.take(slot);
                claimed.push(row);
            }
        }
        let notices: HashMap<Uuid, notice::Model> = door::find::<notice::Entity>()
            .filter(notice::Column::Id.is_in(claimed.iter().map(|row| row.notice_id)))
            .all(connection)
            .await
            .doing("reading notices")?
            .into_iter()
            .map(|row| (row.id, row))
            .collect();
        let channels: HashMap<Uuid, notice_channel::Model> = door::find::<notice_channel::Entity>()
            .filter(notice_channel::Column::Id.is_in(claimed.iter().map(|row| row.channel_id)))
            .all(connection)
            .await
            .doing("reading channels")?
            .into_iter()
            .map(|row| (row.id, row))
            .collect();
        let mut outgoing = Vec::with_capacity(claimed.len());
        for row in claimed {
            let tried = row.attempt_count + 1 - row.replayed_after;
            let problem = match (notices.get(&row.notice_id), channels.get(&row.channel_id)) {
                _ if tried > attempts_max(&row) + UNENDED_ATTEMPTS_MAX => "no attempt came to an end",
                (Some(notice), Some(channel)) => match self.outgoing(&row, notice, channel, tried, now) {
                    Ok(notice) => {
                        outgoing.push(notice);
                        continue;
                    }
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(
                            tenant.id = row.tenant_id.map(tracing::field::display), notice.id = %row.notice_id,
                            error, "a notice can't be made ready"
                        );
                        "the channel's secret can't be read; give it another one"
                    }
                },
                _ => "its channel was deleted",
            };
            self.give_up(&row, problem, now).await?;
        }
        Ok(outgoing)
    }

    /// Stores what came of an attempt: it is over, or tried again later. A receiver that is gone, or at which nothing has
    /// arrived for a day, is disabled, and its owner is told.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used; then it is delivered once more after the lease.
    pub async fn notice_attempted(&self, notice: &OutgoingNotice, outcome: DeliveryOutcome) -> Result<()> {
        let now = self.app().clock().now();
        let DeliveryOutcome { answer, duration, http_status, response } = outcome;
        let (result, error) = match &answer {
            Answer::Taken => (NoticeAttemptOutcome::Delivered, None),
            Answer::Failed { error, .. } => (NoticeAttemptOutcome::Failed, Some(short(error))),
            Answer::Refused { error } => (NoticeAttemptOutcome::Refused, Some(short(error))),
            Answer::Gone => (NoticeAttemptOutcome::Refused, Some("the receiver is gone for good".to_owned())),
        };
        let tx = self.app().across_tenants().begin().await?;
        // The channel before its deliveries, as who changes it has them: of those who would disable it at once one does.
        let may_change = notice.kind != NoticeChannelKind::Email
            && (notice.is_failing || !matches!(answer, Answer::Taken));
        let how = if may_change { LockType::Update } else { LockType::Share };
        let channel = lock(&tx, notice.channel_id, how).await?;
        let is_active = match &channel {
            Some(channel) if may_change => {
                judge_channel(&tx, channel, &answer, error.as_deref(), now).await?
            }
            Some(channel) => channel.status == NoticeChannelStatus::Active,
            None => false,
        };
        let attempt = notice_attempt::Model {
            id: new_id(),
            tenant_id: notice.owner,
            delivery_id: notice.id,
            at: now,
            outcome: result,
            duration_ms: i64::try_from(duration.as_millis()).unwrap_or(i64::MAX),
            http_status: http_status.map(i32::from),
            response: response.as_deref().map(short).filter(|response| !response.is_empty()),
            error: error.clone(),
        };
        door::insert::<notice_attempt::Entity>(&tx, attempt, "storing an attempt").await?;
        let (status, available_at) = match &answer {
            Answer::Taken => (NoticeDeliveryStatus::Delivered, now),
            Answer::Gone => (NoticeDeliveryStatus::Parked, now),
            Answer::Refused { .. } if notice.tried >= MAIL_REFUSED_ATTEMPTS_MAX => {
                (NoticeDeliveryStatus::Failed, now)
            }
            Answer::Failed { retry_after, .. } => match wait_after(notice.kind, notice.tried) {
                None => (NoticeDeliveryStatus::Failed, now),
                Some(wait) => {
                    let asked = retry_after.and_then(|asked| Duration::from_std(asked).ok());
                    (NoticeDeliveryStatus::Queued, now + asked.map_or(wait, |asked| asked.max(wait)))
                }
            },
            Answer::Refused { .. } => {
                let wait = wait_after(notice.kind, notice.tried).unwrap_or_default();
                (NoticeDeliveryStatus::Queued, now + wait)
            }
        };
        let status = match status {
            // Whoever activates the channel gets it; also one that was just given up, but no mail that nobody wants.
            NoticeDeliveryStatus::Queued if !is_active => NoticeDeliveryStatus::Parked,
            NoticeDeliveryStatus::Failed if !is_active && notice.kind != NoticeChannelKind::Email => {
                NoticeDeliveryStatus::Parked
            }
            status => status,
        };
        let is_over = matches!(status, NoticeDeliveryStatus::Delivered | NoticeDeliveryStatus::Failed);
        use notice_delivery::Column;
        let stored = door::update::<notice_delivery::Entity>()
            .col_expr(Column::Status, Expr::value(status))
            .col_expr(Column::AvailableAt, Expr::value(available_at))
            .col_expr(Column::FinishedAt, Expr::value(is_over.then_some(now)))
            .col_expr(Column::HttpStatus, Expr::value(http_status.map(i32::from)))
            .col_expr(Column::LastError, Expr::value(error.clone()))
            .filter(Column::Id.eq(notice.id))
            // It may have been put aside meanwhile.
            .filter(Column::Status.is_in([NoticeDeliveryStatus::Queued, NoticeDeliveryStatus::Parked]))
            .filter(Column::AttemptCount.eq(notice.attempt))
            .exec(&tx)
            .await
            .doing("storing what came of a delivery")?;
        if stored.rows_affected > 0 && status == NoticeDeliveryStatus::Failed {
            tracing::warn!(
                notice.id = %notice.notice_id, channel.id = %notice.channel_id, attempts = notice.tried,
                error, "a notice did not arrive and is given up"
            );
        }
        tx.commit().await.doing("committing what came of a delivery")
    }

    /// One conditional update: of several workers one has it.
    async fn claim_delivery(&self, row: &notice_delivery::Model, now: DateTime<Utc>) -> Result<bool> {
        use notice_delivery::Column;
        let claimed = door::update::<notice_delivery::Entity>()
            .col_expr(Column::AttemptCount, Expr::value(row.attempt_count + 1))
            .col_expr(Column::AvailableAt, Expr::value(now + Duration::seconds(NOTICE_LEASE_SECONDS)))
            .filter(Column::Id.eq(row.id))
            .filter(Column::Status.eq(NoticeDeliveryStatus::Queued))
            .filter(Column::AttemptCount.eq(row.attempt_count))
            .exec(self.app().across_tenants().writer())
            .await
            .doing("claiming a delivery")?;
        Ok(claimed.rows_affected > 0)
    }

    async fn give_up(&self, row: &notice_delivery::Model, why: &str, now: DateTime<Utc>) -> Result<()> {
        use notice_delivery::Column;
        tracing::warn!(
            tenant.id = row.tenant_id.map(tracing::field::display), notice.id = %row.notice_id,
            channel.id = %row.channel_id, reason = why, "a notice is given up"
        );
        door::update::<notice_delivery::Entity>()
            .col_expr(Column::Status, Expr::value(NoticeDeliveryStatus::Failed))
            .col_expr(Column::FinishedAt, Expr::value(Some(now)))
            .col_expr(Column::LastError, Expr::value(Some(why.to_owned())))
            .filter(Column::Id.eq(row.id))
            .filter(Column::AttemptCount.eq(row.attempt_count + 1))
            .exec(self.app().across_tenants().writer())
            .await
            .doing("giving a delivery up")?;
        Ok(())
    }

    fn outgoing(
        &self,
        row: &notice_delivery::Model,
        notice: &notice::Model,
        channel: &notice_channel::Model,
        tried: i64,
        now: DateTime<Utc>,
    ) -> Result<OutgoingNotice> {
        let missing = |what: &'static str| Error::internal("making a notice ready", what);
        let delivery = match channel.kind {
            NoticeChannelKind::Webhook => {
                let secret = ChannelSecret::open(self.app(), channel)?;
                let is_overlap = channel.previous_secret_until.is_some_and(|until| until > now);
                let secrets = [secret.secret, secret.previous.filter(|_| is_overlap)];
                let keys: Option<Vec<Vec<u8>>> =
                    secrets.into_iter().flatten().map(|secret| webhook_key(&secret)).collect();
                let keys = keys.filter(|keys| !keys.is_empty()).ok_or_else(|| missing("it has no secret"))?;
                let body = render::webhook(notice).to_string().into_bytes();
                // The same at each attempt and replay, so that its receiver knows it.
                let id = format!("notice_{}", notice.id.simple());
                let timestamp = now.timestamp();
                let headers = vec![
                    ("webhook-signature", sign_webhook(&keys, &id, timestamp, &body)),
                    ("webhook-timestamp", timestamp.to_string()),
                    ("webhook-id", id),
                ];
                let url = channel.url.clone().ok_or_else(|| missing("it has no URL"))?;
                Delivery::Request { url, headers, body }
            }
            NoticeChannelKind::Slack => {
                let url = ChannelSecret::open(self.app(), channel)?.url;
                let url = url.ok_or_else(|| missing("it has no URL"))?;
                let body = render::slack(notice).to_string().into_bytes();
                Delivery::Request { url, headers: Vec::new(), body }
            }
            NoticeChannelKind::Email => {
                let render::MailText { subject, text, html } = render::mail(notice);
                let to = row.recipient.clone().ok_or_else(|| missing("it has no address"))?;
                let message_id = format!("notice-{}", row.id.simple());
                Delivery::Mail { to, subject, text, html, created_at: notice.created_at, message_id }
            }
        };
        Ok(OutgoingNotice {
            id: row.id,
            channel_id: row.channel_id,
            delivery,
            slot: DeliverySlot::of(row),
            notice_id: row.notice_id,
            owner: row.tenant_id,
            kind: channel.kind,
            is_failing: channel.failing_since.is_some(),
            attempt: row.attempt_count + 1,
            tried,
        })
    }
}

/// What an attempt says of its channel, which is locked; answers with whether it is active then. Mail servers are the
/// operator's: that ours is down says nothing of a channel.
async fn judge_channel(
    tx: &DatabaseTransaction,
    channel: &notice_channel::Model,
    answer: &Answer,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let is_active = channel.status == NoticeChannelStatus::Active;
    let reason = match answer {
        Answer::Taken => {
            store_failing_since(tx, channel, None).await?;
            return Ok(is_active);
        }
        Answer::Gone => "The receiver answered 410: it is gone for good.".to_owned(),
        Answer::Failed { .. } | Answer::Refused { .. } => {
            let since = channel.failing_since.unwrap_or(now);
            store_failing_since(tx, channel, Some(since)).await?;
            if since > now - Duration::hours(FAILING_HOURS_MAX) {
                return Ok(is_active);
            }
            let last = error.unwrap_or("it failed");
            format!("Nothing has arrived there for a day; the last time: {last}.")
        }
    };
    if is_active {
        disable(tx, channel, reason, now).await?;
    }
    Ok(false)
}

async fn store_failing_since(
    tx: &DatabaseTransaction,
    channel: &notice_channel::Model,
    since: Option<DateTime<Utc>>,
) -> Result<()> {
    if channel.failing_since == since {
        return Ok(());
    }
    door::update::<notice_channel::Entity>()
        .col_expr(notice_channel::Column::FailingSince, Expr::value(since))
        .filter(notice_channel::Column::Id.eq(channel.id))
        .exec(tx)
        .await
        .doing("storing whether a channel works")?;
    Ok(())
}

/// Disables a channel, and tells its owner. What waits for it is put aside.
async fn disable(
    tx: &DatabaseTransaction,
    channel: &notice_channel::Model,
    reason: String,
    now: DateTime<Utc>,
) -> Result<()> {
    use notice_channel::Column;
    door::update::<notice_channel::Entity>()
        .col_expr(Column::Status, Expr::value(NoticeChannelStatus::Disabled))
        .col_expr(Column::StatusReason, Expr::value(Some(reason.clone())))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(channel.id))
        .exec(tx)
        .await
        .doing("disabling a channel")?;
    park(tx, channel.id).await?;
    tracing::warn!(channel.id = %channel.id, reason, "a channel of notices is disabled");
    let told = NewOccasion::new(OccasionKind::ChannelDisabled)
        .detail("channelId", channel.id.to_string())
        .detail("channel", channel.name.clone())
        .detail("reason", reason)
        .row(channel.tenant_id, now);
    door::insert::<occasion::Entity>(tx, told, "storing an occasion").await
}

/// The wait after so many attempts; `None` when there were enough.
fn wait_after(kind: NoticeChannelKind, tried: i64) -> Option<Duration> {
    let place = usize::try_from(tried - 1).unwrap_or_default();
    match kind {
        NoticeChannelKind::Webhook | NoticeChannelKind::Slack => {
            WEBHOOK_WAITS_SECONDS.get(place).map(|seconds| Duration::seconds(*seconds))
        }
        NoticeChannelKind::Email if tried >= MAIL_ATTEMPTS_MAX => None,
        NoticeChannelKind::Email => Some(mail::wait_after(tried)),
    }
}

fn attempts_max(row: &notice_delivery::Model) -> i64 {
    match row.recipient {
        Some(_) => MAIL_ATTEMPTS_MAX,
        None => WEBHOOK_WAITS_SECONDS.len() as i64 + 1,
    }
}

/// One line of bounded length.
fn short(text: &str) -> String {
    let plain = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    plain.take(TEXT_CHARS_MAX).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use entity::notice_channel::NoticeChannelKind;

    use super::{MAIL_ATTEMPTS_MAX, WEBHOOK_WAITS_SECONDS, wait_after};

    #[test]
    fn webhooks_are_tried_for_a_day_and_mails_for_three() {
        assert_eq!(WEBHOOK_WAITS_SECONDS.iter().sum::<i64>(), 24 * 3_600);
        let webhook = |tried| wait_after(NoticeChannelKind::Webhook, tried);
        assert_eq!((webhook(1), webhook(7)), (Some(Duration::seconds(5)), Some(Duration::seconds(23_095))));
        assert_eq!(webhook(8), None);
        let mail = |tried| wait_after(NoticeChannelKind::Email, tried).map(|wait| wait.num_seconds());
        assert_eq!([1, 2, 3, 10].map(mail), [Some(10), Some(20), Some(40), Some(3_600)]);
        let all: i64 = (1..MAIL_ATTEMPTS_MAX).filter_map(mail).sum();
        assert!((70..75).contains(&(all / 3_600)), "{all}");
        assert_eq!(mail(MAIL_ATTEMPTS_MAX), None);
    }
}

//! Channels: where notices go to. A tenant has its own, the operator the operator's. What is secret of one is written and
//! never read: the secret that webhooks are signed with, and the whole URL of Slack's.
//!
//! Deliberately absent: what is sent (`notice`), and sending (`background`).

mod trial;

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, Utc};
use entity::notice_channel::{self, NoticeChannelKind, NoticeChannelStatus};
use entity::notice_delivery::{self, NoticeDeliveryStatus};
use entity::string_list::StringList;
use entity::{notice_policy, notice_subject};
use openidconnect::url::Url;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, QueryFilter, QuerySelect};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::audit::{self, Entry, names};
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::notice::door;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Scope};
use crate::system;
use crate::validation::{NAME_CHARS_MAX, Problems, is_email, normal_email};

pub use entity::notice_channel::{NoticeChannelKind as ChannelKind, NoticeChannelStatus as ChannelStatus};
pub use trial::{TestOutcome, test};

/// Channels of one owner: more than anybody looks after.
pub const CHANNELS_MAX: u64 = 50;
/// Addresses of one channel; a list of a mail server has more.
pub const ADDRESSES_MAX: usize = 20;
/// Longest URL, in bytes.
pub const URL_BYTES_MAX: usize = 2_000;
/// For how long the secret before signs too, at most, in hours: a week.
pub const OVERLAP_HOURS_MAX: i32 = 7 * 24;
/// For how long when nobody says: a day.
pub const OVERLAP_HOURS_DEFAULT: i32 = 24;
/// Bytes of a secret that is made here, and bounds of one that is given
/// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#symmetric>).
const SECRET_BYTES: usize = 32;
const SECRET_BYTES_ALLOWED: std::ops::RangeInclusive<usize> = 24..=64;

/// A channel, without what is secret of it.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticeChannel {
    /// The row.
    pub id: Uuid,
    /// Its tenant; `None` for the operator's.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// How it is reached.
    pub kind: NoticeChannelKind,
    /// Whether anything is sent there.
    pub status: NoticeChannelStatus,
    /// Why nothing is.
    pub status_reason: Option<String>,
    /// WEBHOOK: where it is; SLACK: at which host.
    pub url: Option<String>,
    /// Until when the secret before signs too; `None` when it does not any more.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// EMAIL: to whom; `None` for callers who may not know people.
    pub addresses: Option<Vec<String>>,
    /// EMAIL: also to whoever administers the tenant, or the platform.
    pub to_admins: bool,
    /// It is there by itself, and can't be deleted.
    pub is_default: bool,
    /// Since when nothing arrives there.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A channel to make.
#[derive(Clone, Debug)]
pub struct NewNoticeChannel {
    /// Whose; `None` for the caller's own tenant, or the operator of staff.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// How it is reached.
    pub kind: NoticeChannelKind,
    /// WEBHOOK and SLACK: where.
    pub url: Option<SecretString>,
    /// WEBHOOK: signs; made here when there is none.
    pub secret: Option<SecretString>,
    /// EMAIL: to whom.
    pub addresses: Vec<String>,
    /// EMAIL: also to whoever administers the tenant, or the platform.
    pub to_admins: bool,
}

/// What changes of a channel; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct NoticeChannelChanges {
    /// Name for people.
    pub name: Option<String>,
    /// WEBHOOK and SLACK: where.
    pub url: Option<SecretString>,
    /// EMAIL: to whom.
    pub addresses: Option<Vec<String>>,
    /// EMAIL: also to whoever administers.
    pub to_admins: Option<bool>,
    /// Whether anything is sent there. What waited for an active one is sent.
    pub status: Option<NoticeChannelStatus>,
}

/// Whose rows a list has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OwnerFilter {
    /// This tenant's.
    pub tenant_id: Option<Uuid>,
    /// The operator's, or tenants'.
    pub is_operators: Option<bool>,
}

/// What is secret of a channel, sealed as JSON.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct ChannelSecret {
    /// SLACK.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// WEBHOOK: `whsec_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    /// WEBHOOK: the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<String>,
}

impl ChannelSecret {
    /// Of a row.
    pub(crate) fn open(app: &App, row: &notice_channel::Model) -> Result<Self> {
        let Some(sealed) = &row.sealed_secret else { return Ok(Self::default()) };
        let text = app.unseal(row.tenant_id.unwrap_or_default(), row.id, sealed)?;
        // The error of a parser may repeat the text.
        serde_json::from_slice(&text).map_err(|_secret| {
            Error::internal("reading the secret of a channel", "it is not what was stored")
        })
    }

    fn seal(&self, app: &App, owner: Option<Uuid>, id: Uuid) -> Result<Vec<u8>> {
        let text = serde_json::to_vec(self).doing("writing the secret of a channel")?;
        app.seal(owner.unwrap_or_default(), id, &text)
    }
}

impl NoticeChannel {
    /// A row as a caller sees it.
    fn of(row: notice_channel::Model, actor: &Actor, now: DateTime<Utc>) -> Self {
        Self {
            id: row.id,
            tenant_id: row.tenant_id,
            name: row.name,
            kind: row.kind,
            status: row.status,
            status_reason: row.status_reason,
            url: row.url,
            previous_secret_until: row.previous_secret_until.filter(|until| *until > now),
            addresses: actor.may(Permission::UserRead).then_some(row.addresses.0),
            to_admins: row.to_admins,
            is_default: row.is_default,
            failing_since: row.failing_since,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Channels by id, those that the caller may see.
///
/// # Errors
/// Denied without `notices:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, NoticeChannel>> {
    let scope = actor.authorize(Permission::NoticeRead)?;
    let rows = scope
        .find::<notice_channel::Entity>()
        .of_ids(notice_channel::Column::Id, ids.iter().copied())
        .all()
        .await?;
    let now = scope.app().clock().now();
    Ok(rows.into_iter().map(|row| (row.id, NoticeChannel::of(row, actor, now))).collect())
}

/// A page of channels, by id: those that somebody made in the order in which they were made.
///
/// # Errors
/// Denied without `notices:read`; [`Error::Argument`] for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &OwnerFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<NoticeChannel>> {
    let scope = actor.authorize(Permission::NoticeRead)?;
    let keyset = Keyset { name: "channel", column: None, id: notice_channel::Column::Id, direction };
    let rows = scope
        .find::<notice_channel::Entity>()
        .of_tenant(filter.tenant_id)
        .filter_some(filter.is_operators, |is_operators| {
            is_or_is_not_null(notice_channel::Column::TenantId, is_operators)
        })
        .page(&keyset, &page.check(keyset.name)?)
        .await?;
    let now = scope.app().clock().now();
    Ok(rows.map(|row| NoticeChannel::of(row, actor, now)))
}

/// Makes a channel. Answers with the secret that webhooks are signed with where it was made here: nobody reads it again.
///
/// # Errors
/// Denied without `notices:manage`. Rejected, all at once: `REQUIRED` or `NOT_FOUND` tenantId; a bad name, url, secret
/// or addresses, or one that does not go with the kind; `LIMIT_REACHED` beyond [`CHANNELS_MAX`].
pub async fn create(actor: &Actor, new: NewNoticeChannel) -> Result<(NoticeChannel, Option<SecretString>)> {
    let scope = actor.authorize(Permission::NoticeManage)?;
    let (app, now, id) = (scope.app(), scope.app().clock().now(), new_id());
    let mut problems = Problems::default();
    let owner = owner(actor, &scope, new.tenant_id, &mut problems).await?;
    let name = problems.text("name", &new.name, NAME_CHARS_MAX);
    if let Some(owner) = owner {
        let of_owner =
            scope.find::<notice_channel::Entity>().filter(is_of(notice_channel::Column::TenantId, owner));
        if of_owner.count().await? >= CHANNELS_MAX {
            let message = format!("there are {CHANNELS_MAX} channels already; delete one first");
            problems.add(ProblemCode::LimitReached, "name", message);
        }
    }
    let is_mail = new.kind == NoticeChannelKind::Email;
    let url = match (&new.url, is_mail) {
        (Some(_), true) => {
            problems.add(ProblemCode::Invalid, "url", "does not go with this kind of channel");
            None
        }
        (None, false) => {
            problems.add(ProblemCode::Required, "url", "must be the address that is sent to");
            None
        }
        (url, _) => url.as_ref().and_then(|url| check_url(app, url, &mut problems)),
    };
    if new.secret.is_some() && new.kind != NoticeChannelKind::Webhook {
        problems.add(ProblemCode::Invalid, "secret", "does not go with this kind of channel");
    }
    let given = new.secret.as_ref().and_then(|secret| check_secret(secret, &mut problems));
    if !is_mail && (!new.addresses.is_empty() || new.to_admins) {
        problems.add(ProblemCode::Invalid, "addresses", "do not go with this kind of channel");
    }
    let addresses = check_addresses(&new.addresses, &mut problems);
    if is_mail && addresses.is_empty() && !new.to_admins {
        problems.add(ProblemCode::Required, "addresses", "must have one, or set toAdmins");
    }
    problems.check()?;
    let owner = owner.ok_or_else(|| Error::not_found("tenantId", "tenant"))?;
    let made = (new.kind == NoticeChannelKind::Webhook && given.is_none()).then(new_secret);
    let (shown, secret) = match new.kind {
        NoticeChannelKind::Email => (None, None),
        NoticeChannelKind::Webhook => {
            let secret = given.or_else(|| made.as_ref().map(|made| made.expose_secret().to_owned()));
            (url, Some(ChannelSecret { secret, ..ChannelSecret::default() }))
        }
        NoticeChannelKind::Slack => {
            (url.as_deref().and_then(host_of), Some(ChannelSecret { url, ..ChannelSecret::default() }))
        }
    };
    let row = notice_channel::Model {
        id,
        tenant_id: owner,
        name,
        kind: new.kind,
        status: NoticeChannelStatus::Active,
        status_reason: None,
        url: shown,
        sealed_secret: secret.map(|secret| secret.seal(app, owner, id)).transpose()?,
        previous_secret_until: None,
        addresses: StringList(addresses),
        to_admins: new.to_admins,
        is_default: false,
        failing_since: None,
        created_at: now,
        updated_at: now,
    };
    let tx = app.database().begin_of(owner).await?;
    door::insert::<notice_channel::Entity>(&tx, row.clone(), "storing a channel").await?;
    audit::commit(tx, entry(&row, None), "committing a channel").await?;
    Ok((NoticeChannel::of(row, actor, now), made))
}

/// Changes a channel. One that is activated gets what waited for it.
///
/// # Errors
/// Denied without `notices:manage`. Rejected, all at once: `NOT_FOUND` channelId; as [`create`].
pub async fn update(actor: &Actor, id: Uuid, changes: NoticeChannelChanges) -> Result<NoticeChannel> {
    let scope = actor.authorize(Permission::NoticeManage)?;
    let owner = found(&scope, id).await?.tenant_id;
    let (app, now) = (scope.app(), scope.app().clock().now());
    // What a worker or somebody else has stored meanwhile stays, but for what changes.
    let tx = app.database().begin_of(owner).await?;
    let row = locked(&tx, id).await?;
    let detail = names([
        ("name", changes.name.is_some()),
        ("url", changes.url.is_some()),
        ("addresses", changes.addresses.is_some()),
        ("toAdmins", changes.to_admins.is_some()),
        ("status", changes.status.is_some()),
    ]);
    let mut problems = Problems::default();
    let is_mail = row.kind == NoticeChannelKind::Email;
    let name = changes.name.map(|name| problems.text("name", &name, NAME_CHARS_MAX));
    if changes.url.is_some() && is_mail {
        problems.add(ProblemCode::Invalid, "url", "does not go with this kind of channel");
    }
    let url = changes.url.as_ref().and_then(|url| check_url(app, url, &mut problems));
    let addresses = changes.addresses.map(|addresses| check_addresses(&addresses, &mut problems));
    if !is_mail && (addresses.is_some() || changes.to_admins.is_some()) {
        problems.add(ProblemCode::Invalid, "addresses", "do not go with this kind of channel");
    }
    let to_admins = changes.to_admins.unwrap_or(row.to_admins);
    if is_mail && !to_admins && addresses.as_ref().unwrap_or(&row.addresses.0).is_empty() {
        problems.add(ProblemCode::Required, "addresses", "must have one, or set toAdmins");
    }
    problems.check()?;
    let mut next = notice_channel::Model { to_admins, updated_at: now, ..row.clone() };
    if let Some(name) = name {
        next.name = name;
    }
    if let Some(addresses) = addresses {
        next.addresses = StringList(addresses);
    }
    match (url, row.kind) {
        (Some(url), NoticeChannelKind::Slack) => {
            next.url = host_of(&url);
            let secret = ChannelSecret { url: Some(url), ..ChannelSecret::default() };
            next.sealed_secret = Some(secret.seal(app, row.tenant_id, id)?);
        }
        (Some(url), _) => next.url = Some(url),
        (None, _) => {}
    }
    if let Some(status) = changes.status {
        next.status = status;
        next.failing_since = None;
        next.status_reason = match status {
            NoticeChannelStatus::Active => None,
            NoticeChannelStatus::Disabled if row.status == status => row.status_reason.clone(),
            NoticeChannelStatus::Disabled => Some(format!("{} has disabled it.", actor.name())),
        };
    }
    store(&tx, &next).await?;
    match changes.status {
        Some(NoticeChannelStatus::Active) => unpark(&tx, id, now).await?,
        Some(NoticeChannelStatus::Disabled) => park(&tx, id).await?,
        None => {}
    }
    audit::commit(tx, entry(&next, Some(detail)), "committing a channel").await?;
    Ok(NoticeChannel::of(next, actor, now))
}

/// Gives a webhook another secret. The one before signs too for so many hours, so that its receiver can change it at
/// leisure. Answers with the secret where it was made here.
///
/// # Errors
/// Denied without `notices:manage`. Rejected: `NOT_FOUND` channelId; `CONFLICT` when it is no webhook; `INVALID` secret or
/// overlapHours.
pub async fn rotate_secret(
    actor: &Actor,
    id: Uuid,
    secret: Option<SecretString>,
    overlap_hours: i32,
) -> Result<(NoticeChannel, Option<SecretString>)> {
    let scope = actor.authorize(Permission::NoticeManage)?;
    let owner = found(&scope, id).await?.tenant_id;
    let (app, now) = (scope.app(), scope.app().clock().now());
    let tx = app.database().begin_of(owner).await?;
    let row = locked(&tx, id).await?;
    if row.kind != NoticeChannelKind::Webhook {
        return Err(Error::conflict("channelId", "is no webhook: nothing of it is signed"));
    }
    let mut problems = Problems::default();
    let given = secret.as_ref().and_then(|secret| check_secret(secret, &mut problems));
    if !(0..=OVERLAP_HOURS_MAX).contains(&overlap_hours) {
        problems.add(ProblemCode::Invalid, "overlapHours", format!("must be 0 to {OVERLAP_HOURS_MAX}"));
    }
    problems.check()?;
    let made = given.is_none().then(new_secret);
    let before = ChannelSecret::open(app, &row)?.secret;
    let next = ChannelSecret {
        secret: given.or_else(|| made.as_ref().map(|made| made.expose_secret().to_owned())),
        previous: before.filter(|_| overlap_hours > 0),
        url: None,
    };
    let next = notice_channel::Model {
        sealed_secret: Some(next.seal(app, row.tenant_id, id)?),
        previous_secret_until: (overlap_hours > 0).then(|| now + Duration::hours(overlap_hours.into())),
        updated_at: now,
        ..row
    };
    store(&tx, &next).await?;
    let detail = format!("another secret; the one before is good for {overlap_hours} hours");
    audit::commit(tx, entry(&next, Some(detail)), "committing a secret").await?;
    Ok((NoticeChannel::of(next, actor, now), made))
}

/// Deletes a channel that no policy names. What it was told stays in the list of notices.
///
/// # Errors
/// Denied without `notices:manage`. Rejected: `NOT_FOUND` channelId; `CONFLICT` while a policy names it, or when it is
/// there by itself.
pub async fn delete(actor: &Actor, id: Uuid) -> Result<()> {
    let scope = actor.authorize(Permission::NoticeManage)?;
    let owner = found(&scope, id).await?.tenant_id;
    let app = scope.app();
    let tx = app.database().begin_of(owner).await?;
    // Who stores a policy that names it waits, or has stored it.
    let row = locked(&tx, id).await?;
    if row.is_default {
        return Err(Error::conflict("channelId", "is there by itself; it can be disabled"));
    }
    let policies = door::find::<notice_policy::Entity>()
        .filter(is_of(notice_policy::Column::TenantId, row.tenant_id))
        .all(&tx)
        .await
        .doing("reading policies")?;
    if let Some(policy) = policies.iter().find(|policy| policy.channel_ids.0.contains(&id)) {
        let message = format!("the policy `{}` names it; take it out there first", policy.name);
        return Err(Error::conflict("channelId", message));
    }
    give_up(&tx, id, app.clock().now(), "the channel was deleted").await?;
    door::delete::<notice_subject::Entity>()
        .filter(notice_subject::Column::ChannelId.eq(id))
        .exec(&tx)
        .await
        .doing("forgetting what a channel was told")?;
    door::delete::<notice_channel::Entity>()
        .filter(notice_channel::Column::Id.eq(id))
        .exec(&tx)
        .await
        .doing("deleting a channel")?;
    audit::commit(tx, entry(&row, Some(row.name.clone())), "committing a deletion").await
}

/// Whose a new channel or policy is: `Some(None)` for the operator's. `None` when there is a problem with it.
pub(crate) async fn owner(
    actor: &Actor,
    scope: &Scope,
    tenant_id: Option<Uuid>,
    problems: &mut Problems,
) -> Result<Option<Option<Uuid>>> {
    if actor.is_staff() && tenant_id.is_none() {
        return Ok(Some(None));
    }
    Ok(system::owner(actor, scope, tenant_id, problems).await?.map(|tenant| Some(tenant.id)))
}

/// That a column names no tenant, or one.
pub(crate) fn is_or_is_not_null(column: impl ColumnTrait, is_null: bool) -> sea_orm::sea_query::SimpleExpr {
    if is_null { column.is_null() } else { column.is_not_null() }
}

/// That a column names an owner.
pub(crate) fn is_of(column: impl ColumnTrait, owner: Option<Uuid>) -> sea_orm::sea_query::SimpleExpr {
    owner.map_or_else(|| column.is_null(), |id| column.eq(id))
}

/// Writes what may change of a channel.
pub(crate) async fn store(connection: &impl ConnectionTrait, row: &notice_channel::Model) -> Result<()> {
    use notice_channel::Column;
    door::update::<notice_channel::Entity>()
        .col_expr(Column::Name, Expr::value(row.name.clone()))
        .col_expr(Column::Status, Expr::value(row.status))
        .col_expr(Column::StatusReason, Expr::value(row.status_reason.clone()))
        .col_expr(Column::Url, Expr::value(row.url.clone()))
        .col_expr(Column::SealedSecret, Expr::value(row.sealed_secret.clone()))
        .col_expr(Column::PreviousSecretUntil, Expr::value(row.previous_secret_until))
        .col_expr(Column::Addresses, Expr::value(row.addresses.clone()))
        .col_expr(Column::ToAdmins, Expr::value(row.to_admins))
        .col_expr(Column::FailingSince, Expr::value(row.failing_since))
        .col_expr(Column::UpdatedAt, Expr::value(row.updated_at))
        .filter(Column::Id.eq(row.id))
        .exec(connection)
        .await
        .doing("storing a channel")?;
    Ok(())
}

/// Puts aside what waits for a channel that is disabled.
pub(crate) async fn park(connection: &impl ConnectionTrait, id: Uuid) -> Result<()> {
    door::update::<notice_delivery::Entity>()
        .col_expr(notice_delivery::Column::Status, Expr::value(NoticeDeliveryStatus::Parked))
        .filter(notice_delivery::Column::ChannelId.eq(id))
        .filter(notice_delivery::Column::Status.eq(NoticeDeliveryStatus::Queued))
        .exec(connection)
        .await
        .doing("putting deliveries aside")?;
    Ok(())
}

async fn unpark(tx: &DatabaseTransaction, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    let attempts = Expr::col(notice_delivery::Column::AttemptCount);
    door::update::<notice_delivery::Entity>()
        .col_expr(notice_delivery::Column::Status, Expr::value(NoticeDeliveryStatus::Queued))
        .col_expr(notice_delivery::Column::AvailableAt, Expr::value(now))
        .col_expr(notice_delivery::Column::ReplayedAfter, attempts)
        .filter(notice_delivery::Column::ChannelId.eq(id))
        .filter(notice_delivery::Column::Status.eq(NoticeDeliveryStatus::Parked))
        .exec(tx)
        .await
        .doing("queueing deliveries again")?;
    Ok(())
}

/// Ends what waits for a channel.
async fn give_up(tx: &DatabaseTransaction, id: Uuid, now: DateTime<Utc>, why: &str) -> Result<()> {
    let open = [NoticeDeliveryStatus::Queued, NoticeDeliveryStatus::Parked];
    door::update::<notice_delivery::Entity>()
        .col_expr(notice_delivery::Column::Status, Expr::value(NoticeDeliveryStatus::Failed))
        .col_expr(notice_delivery::Column::FinishedAt, Expr::value(Some(now)))
        .col_expr(notice_delivery::Column::LastError, Expr::value(Some(why.to_owned())))
        .filter(notice_delivery::Column::ChannelId.eq(id))
        .filter(notice_delivery::Column::Status.is_in(open))
        .exec(tx)
        .await
        .doing("giving deliveries up")?;
    Ok(())
}

async fn found(scope: &Scope, id: Uuid) -> Result<notice_channel::Model> {
    scope
        .find::<notice_channel::Entity>()
        .of_id(notice_channel::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("channelId", "channel"))
}

/// A channel as it is now: until the end of the transaction nobody else changes it, queues anything for it, or stores what
/// came of that.
pub(crate) async fn locked(tx: &DatabaseTransaction, id: Uuid) -> Result<notice_channel::Model> {
    lock(tx, id, LockType::Update).await?.ok_or_else(|| Error::not_found("channelId", "channel"))
}

/// The same, for oneself or together with others who don't change it; `None` when it was deleted.
pub(crate) async fn lock(
    tx: &DatabaseTransaction,
    id: Uuid,
    how: LockType,
) -> Result<Option<notice_channel::Model>> {
    door::find::<notice_channel::Entity>()
        .filter(notice_channel::Column::Id.eq(id))
        .lock(how)
        .one(tx)
        .await
        .doing("locking a channel")
}

fn entry(row: &notice_channel::Model, detail: Option<String>) -> Entry {
    Entry::of(row.tenant_id, Some(GlobalId::new(Kind::NoticeChannel, row.id))).detail(detail)
}

/// A URL that may be sent to, in its normal spelling. What is wrong is said without it: it may be a secret.
fn check_url(app: &App, url: &SecretString, problems: &mut Problems) -> Option<String> {
    let text = url.expose_secret().trim();
    if text.len() > URL_BYTES_MAX {
        let message = format!("has {} bytes; at most {URL_BYTES_MAX} are allowed", text.len());
        problems.add(ProblemCode::TooLong, "url", message);
        return None;
    }
    let Ok(url) = Url::parse(text) else {
        let message = "is not a URL like https://hooks.example.com/trestle";
        problems.push(Problem::invalid(["url"], message));
        return None;
    };
    if let Err(error) = app.people().egress.check_url(&url) {
        let hint = error.hint.unwrap_or_else(|| "the address may not be reached".to_owned());
        problems.push(Problem::invalid(["url"], format!("can't be used: {hint}")));
        return None;
    }
    Some(url.into())
}

fn host_of(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.origin().ascii_serialization())
}

fn check_secret(secret: &SecretString, problems: &mut Problems) -> Option<String> {
    let text = secret.expose_secret().trim();
    let key = if text.starts_with("whsec_") { connector::webhook_key(text) } else { None };
    if key.is_some_and(|key| SECRET_BYTES_ALLOWED.contains(&key.len())) {
        return Some(text.to_owned());
    }
    let message = "must be `whsec_` and base64 of 24 to 64 random bytes; leave it out, and one is made";
    problems.add(ProblemCode::Invalid, "secret", message);
    None
}

fn check_addresses(addresses: &[String], problems: &mut Problems) -> Vec<String> {
    if addresses.len() > ADDRESSES_MAX {
        let message = format!("has {} addresses; at most {ADDRESSES_MAX} are allowed", addresses.len());
        problems.add(ProblemCode::TooLong, "addresses", message);
        return Vec::new();
    }
    let mut checked: Vec<String> = Vec::with_capacity(addresses.len());
    for (index, address) in addresses.iter().enumerate() {
        let address = normal_email(address);
        if !is_email(&address) {
            let message = "is not a mail address; it should look like ada@example.com";
            problems.add_at(ProblemCode::Invalid, "addresses", index, message);
        } else if !checked.contains(&address) {
            checked.push(address);
        }
    }
    checked
}

fn new_secret() -> SecretString {
    let bytes: [u8; SECRET_BYTES] = rand::random();
    format!("whsec_{}", STANDARD.encode(bytes)).into()
}

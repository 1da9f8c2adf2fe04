//! Synthetic checks: a test record that goes the whole way of an integration by itself, so that what does not work is known
//! before a customer's record finds out. What people set stands here, and what came of it is read here; the way itself is
//! gone in `background`.

mod check;
pub(crate) mod mark;
mod result;

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::integration::{self, IntegrationStatus};
use entity::occasion::OccasionKind;
use entity::{synthetic_check, synthetic_result, system};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use self::mark::Mark;
use crate::actor::Actor;
use crate::error::{Doing, Error, Result};
use crate::health::status::refresh_in;
use crate::id::{Kind, new_id};
use crate::integration::{Integration, NewSchedule};
use crate::occasion::{self, NewOccasion};
use crate::permission::Permission;
use crate::schedule::Schedule;
use crate::scope::{Scope, TxScope};
use crate::validation::Problems;

pub use self::mark::{NUMBER_PLACE, TEXT_PLACE, TIME_PLACE};
pub use self::result::{KEPT_DAYS, KEPT_MAX, SyntheticResultFilter, results_by_integrations};
pub use entity::synthetic_check::Model as SyntheticCheck;
pub use entity::synthetic_result::{
    Model as SyntheticResult, StageDuration, SyntheticStage as Stage, SyntheticStatus as Status,
};

pub(crate) use self::check::{Obstacle, obstacle};
pub(crate) use self::result::{purge, trim};

/// Largest test record, in bytes of JSON: it is read with each page of integrations that asks for it.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
/// Shortest time between two test records, in seconds.
pub const EVERY_SECONDS_MIN: i64 = 60;
/// Longest time between two of them without a cron expression, in seconds: a week.
pub const EVERY_SECONDS_MAX: i64 = 7 * 86_400;

/// What somebody sets.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSyntheticCheck {
    /// Name of the stream.
    pub stream: String,
    /// The record as the source would give it; its key has a place for a mark.
    pub record: Value,
    /// When it is sent; not with `every_seconds`.
    pub schedule: Option<NewSchedule>,
    /// How often, in seconds: [`EVERY_SECONDS_MIN`] to [`EVERY_SECONDS_MAX`]. Without any schedule on demand only.
    pub every_seconds: Option<i64>,
    /// Whether it is removed again.
    pub removes: bool,
}

/// The checks of integrations, of those that the caller may see and that have one.
///
/// # Errors
/// Denied without `integrations:read`.
pub async fn by_integrations(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, SyntheticCheck>> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    let rows = scope
        .find::<synthetic_check::Entity>()
        .filter(synthetic_check::Column::IntegrationId.is_in(ids.iter().copied()))
        .filter(synthetic_check::Column::RemovedAt.is_null())
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| (row.integration_id, row)).collect())
}

/// What happened to a test record, in the viewer's language; `None` where it went the whole way.
///
/// # Errors
/// Denied without `integrations:read`.
pub fn reason(actor: &Actor, result: &SyntheticResult) -> Result<Option<String>> {
    actor.require(Permission::IntegrationRead)?;
    let language = actor.language();
    let happened = |code: &String| language.happened(code, &language.say("subject-test-record"));
    Ok(result.code.as_ref().map(happened))
}

/// What the viewer can do about it; `None` where it went the whole way.
///
/// # Errors
/// Denied without `integrations:read`.
pub fn suggested_action(actor: &Actor, result: &SyntheticResult) -> Result<Option<String>> {
    actor.require(Permission::IntegrationRead)?;
    let language = actor.language();
    Ok(result.code.as_deref().map(|code| language.action(code, actor.audience())))
}

/// Sets the check of an integration, or sets it anew. With a schedule the first record is sent at once.
///
/// # Errors
/// Denied without `integrations:write`. Rejected, all at once: `NOT_FOUND` integrationId and stream; `CONFLICT` when the
/// integration is archived; a record that is no object, too large, or has no mark in its key; a bad schedule, or two; at
/// remove what the destination can't do.
pub async fn set(actor: &Actor, integration_id: Uuid, new: NewSyntheticCheck) -> Result<Integration> {
    let scope = actor.authorize(Permission::IntegrationWrite)?;
    let (row, destination) = found(&scope, integration_id).await?;
    if row.status == IntegrationStatus::Archived {
        let message = "this integration is archived; it does not change any more";
        return Err(Error::conflict("integrationId", message));
    }
    let mut problems = Problems::default();
    let schedule = check::check(scope.app(), &row, &destination, &new, &mut problems);
    problems.check()?;
    let tx = begin(&scope, row.tenant_id).await?;
    let before = locked(&tx, integration_id).await?;
    let now = tx.app().clock().now();
    let is_scheduled = schedule.is_some() || new.every_seconds.is_some();
    let (is_asked, is_left) = before
        .as_ref()
        .map_or((false, false), |before| (before.asked_by.is_some(), before.leftover.is_some()));
    let set = SyntheticCheck {
        stream: new.stream,
        record: new.record,
        schedule_cron: schedule.as_ref().map(|schedule| schedule.cron().to_owned()),
        schedule_time_zone: schedule.as_ref().map(|schedule| schedule.time_zone().to_owned()),
        every_seconds: new.every_seconds,
        removes: new.removes,
        // Who has asked is still to have an answer, and what is left goes first.
        next_at: (is_scheduled || is_asked).then_some(now),
        clear_at: if is_left { Some(now) } else { before.as_ref().and_then(|before| before.clear_at) },
        set_by: actor.name().to_owned(),
        updated_at: now,
        removed_at: None,
        ..before.clone().unwrap_or_else(|| fresh(&row, now))
    };
    match before {
        None => drop(tx.insert::<synthetic_check::Entity>(set, "storing a synthetic check").await?),
        Some(_) => update(&tx, set).await?,
    }
    tx.about(Kind::Integration, integration_id).detail("syntheticCheck").commit().await?;
    Ok(row)
}

/// Sends no test records any more, and forgets what came of them. What may be left of one at the destination is removed
/// still.
///
/// # Errors
/// Denied without `integrations:write`. Rejected: `NOT_FOUND` integrationId, also when it has no check.
pub async fn remove(actor: &Actor, integration_id: Uuid) -> Result<Integration> {
    let scope = actor.authorize(Permission::IntegrationWrite)?;
    let (row, _destination) = found(&scope, integration_id).await?;
    let tx = begin(&scope, row.tenant_id).await?;
    let check = existing(&tx, integration_id).await?;
    if end(&tx, &check, "REMOVED").await? {
        refresh_in(&tx, [integration_id]).await?;
    }
    tx.about(Kind::Integration, integration_id).detail("syntheticCheck").commit().await?;
    Ok(row)
}

/// Has the test record sent now; on an integration that is paused or held, once it goes on. Asking twice before it is sent is
/// asking once.
///
/// # Errors
/// Denied without `integrations:operate`. Rejected: `NOT_FOUND` integrationId, also when it has no check; `CONFLICT` when the
/// integration is archived.
pub async fn run(actor: &Actor, integration_id: Uuid) -> Result<Integration> {
    let scope = actor.authorize(Permission::IntegrationOperate)?;
    let (row, _destination) = found(&scope, integration_id).await?;
    if row.status == IntegrationStatus::Archived {
        return Err(Error::conflict(
            "integrationId",
            "this integration is archived; it sends nothing any more",
        ));
    }
    let tx = begin(&scope, row.tenant_id).await?;
    let check = existing(&tx, integration_id).await?;
    let now = tx.app().clock().now();
    tx.update::<synthetic_check::Entity>()
        .col_expr(synthetic_check::Column::NextAt, Expr::value(Some(now)))
        .col_expr(synthetic_check::Column::AskedBy, Expr::value(Some(actor.name().to_owned())))
        .filter(synthetic_check::Column::Id.eq(check.id))
        .exec(tx.connection())
        .await
        .doing("asking for a synthetic check")?;
    tx.about(Kind::Integration, integration_id).commit().await?;
    Ok(row)
}

/// Ends the check of an integration that is archived, where it has one. Its health is still to be refreshed.
pub(crate) async fn end_archived(tx: &TxScope, integration_id: Uuid) -> Result<()> {
    let check = locked(tx, integration_id).await?.filter(|check| check.removed_at.is_none());
    if let Some(check) = check {
        end(tx, &check, "ARCHIVED").await?;
    }
    Ok(())
}

/// Forgets a check with its results; its row stays for what may be left at the destination, and for who has its lease.
/// Whether it was failing: that is over then, and told with what it is `now`.
async fn end(tx: &TxScope, check: &SyntheticCheck, now: &str) -> Result<bool> {
    use synthetic_check::Column;
    tx.delete::<synthetic_result::Entity>()
        .filter(synthetic_result::Column::IntegrationId.eq(check.integration_id))
        .exec(tx.connection())
        .await
        .doing("deleting results of a synthetic check")?;
    if is_spent(check) && check.lease_token.is_none() {
        delete(tx, check.id).await?;
    } else {
        let at = Some(tx.app().clock().now());
        tx.update::<synthetic_check::Entity>()
            .col_expr(Column::RemovedAt, Expr::value(at))
            .col_expr(Column::ClearAt, Expr::value(at))
            .col_expr(Column::NextAt, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::AskedBy, Expr::value(None::<String>))
            .col_expr(Column::FailingSince, Expr::value(None::<DateTime<Utc>>))
            .filter(Column::Id.eq(check.id))
            .exec(tx.connection())
            .await
            .doing("removing a synthetic check")?;
    }
    let was_failing = check.failing_since.is_some();
    if was_failing {
        let told = NewOccasion::new(OccasionKind::SyntheticPassed).integration(check.integration_id);
        occasion::record(tx, told.detail("now", now)).await?;
    }
    Ok(was_failing)
}

/// Nothing of it may be at a destination.
pub(crate) fn is_spent(check: &SyntheticCheck) -> bool {
    check.leftover.is_none() && check.doubtful.0.is_empty()
}

/// When a check is due after this, by its schedule.
pub(crate) fn next_after(check: &SyntheticCheck, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match (&check.schedule_cron, &check.schedule_time_zone, check.every_seconds) {
        (Some(cron), Some(time_zone), _) => {
            Schedule::stored(check.integration_id, cron, time_zone)?.next_after(now)
        }
        (_, _, Some(seconds)) => Some(now + Duration::seconds(seconds)),
        _ => None,
    }
}

/// Deletes a check of which nothing is left.
pub(crate) async fn delete(tx: &TxScope, id: Uuid) -> Result<()> {
    tx.delete::<synthetic_check::Entity>()
        .filter(synthetic_check::Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .doing("deleting a synthetic check")?;
    Ok(())
}

fn fresh(integration: &Integration, now: DateTime<Utc>) -> SyntheticCheck {
    SyntheticCheck {
        id: new_id(),
        tenant_id: integration.tenant_id,
        integration_id: integration.id,
        stream: String::new(),
        record: Value::Null,
        schedule_cron: None,
        schedule_time_zone: None,
        every_seconds: None,
        removes: true,
        next_at: None,
        asked_by: None,
        clear_at: None,
        lease_token: None,
        lease_until: None,
        failing_since: None,
        leftover: None,
        doubtful: Default::default(),
        set_by: String::new(),
        updated_at: now,
        removed_at: None,
    }
}

/// Stores what people set of a check, and nothing that a worker writes.
async fn update(tx: &TxScope, set: SyntheticCheck) -> Result<()> {
    use synthetic_check::Column;
    tx.update::<synthetic_check::Entity>()
        .col_expr(Column::Stream, Expr::value(set.stream))
        .col_expr(Column::Record, Expr::value(set.record))
        .col_expr(Column::ScheduleCron, Expr::value(set.schedule_cron))
        .col_expr(Column::ScheduleTimeZone, Expr::value(set.schedule_time_zone))
        .col_expr(Column::EverySeconds, Expr::value(set.every_seconds))
        .col_expr(Column::Removes, Expr::value(set.removes))
        .col_expr(Column::NextAt, Expr::value(set.next_at))
        .col_expr(Column::ClearAt, Expr::value(set.clear_at))
        .col_expr(Column::SetBy, Expr::value(set.set_by))
        .col_expr(Column::UpdatedAt, Expr::value(set.updated_at))
        .col_expr(Column::RemovedAt, Expr::value(set.removed_at))
        .filter(Column::Id.eq(set.id))
        .exec(tx.connection())
        .await
        .doing("storing a synthetic check")?;
    Ok(())
}

/// The integration, and where it writes.
async fn found(scope: &Scope, integration_id: Uuid) -> Result<(Integration, system::Model)> {
    let row = scope
        .find::<integration::Entity>()
        .of_id(integration::Column::Id, integration_id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("integrationId", "integration"))?;
    let destination = scope
        .find::<system::Entity>()
        .filter(system::Column::Id.eq(row.destination_id))
        .one()
        .await?
        .ok_or_else(|| Error::internal("reading the destination of an integration", "it is not there"))?;
    Ok((row, destination))
}

async fn begin(scope: &Scope, tenant_id: Uuid) -> Result<TxScope> {
    scope.begin(tenant_id).await?.ok_or_else(|| Error::not_found("integrationId", "integration"))
}

/// The row of an integration's check, removed or not. Who changes it at the same time is waited for, also where there is none
/// yet.
async fn locked(tx: &TxScope, integration_id: Uuid) -> Result<Option<SyntheticCheck>> {
    tx.find::<integration::Entity>()
        .filter(integration::Column::Id.eq(integration_id))
        .lock(LockType::NoKeyUpdate)
        .one(tx.connection())
        .await
        .doing("locking an integration")?;
    tx.find::<synthetic_check::Entity>()
        .filter(synthetic_check::Column::IntegrationId.eq(integration_id))
        .lock_exclusive()
        .one(tx.connection())
        .await
        .doing("reading a synthetic check")
}

/// The check of an integration that has one.
async fn existing(tx: &TxScope, integration_id: Uuid) -> Result<SyntheticCheck> {
    let check = locked(tx, integration_id).await?.filter(|check| check.removed_at.is_none());
    check.ok_or_else(|| Error::not_found("integrationId", "integration with a synthetic check"))
}

/// What marks the record of a check that is sent now: each time another, or always the same where it stays.
pub(crate) fn mark_of(check: &SyntheticCheck) -> Mark {
    Mark::of(if check.removes { new_id() } else { check.id })
}

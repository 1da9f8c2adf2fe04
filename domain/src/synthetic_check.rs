//! Synthetic checks: a test record that goes the whole way of an integration by itself, so that what does not work is known
//! before a customer's record finds out. What people set stands here, and what came of it is read here; the way itself is
//! gone in `background`.

pub(crate) mod mark;

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use connector::Removal;
use entity::integration::{self, IntegrationStatus};
use entity::occasion::OccasionKind;
use entity::{synthetic_check, synthetic_result, system};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use self::mark::Mark;
use crate::actor::Actor;
use crate::app::App;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::health::status::refresh_in;
use crate::id::{Kind, new_id};
use crate::integration::{Integration, NewSchedule};
use crate::json;
use crate::occasion::{self, NewOccasion};
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::schedule::Schedule;
use crate::scope::{Keyset, Scope, TxScope};
use crate::validation::Problems;

pub use self::mark::{NUMBER_PLACE, TEXT_PLACE, TIME_PLACE};
pub use entity::synthetic_check::Model as SyntheticCheck;
pub use entity::synthetic_result::{
    Model as SyntheticResult, StageDuration, SyntheticStage as Stage, SyntheticStatus as Status,
};

/// Largest test record, in bytes of JSON: it is read with each page of integrations that asks for it.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
/// Shortest time between two test records, in seconds.
pub const EVERY_SECONDS_MIN: i64 = 60;
/// Longest time between two of them without a cron expression, in seconds: a week.
pub const EVERY_SECONDS_MAX: i64 = 7 * 86_400;
/// How long results are kept, in days.
pub const KEPT_DAYS: i64 = 30;
/// Results that are kept of an integration: sixteen hours of one a minute.
pub const KEPT_MAX: u64 = 1_000;
/// Results that one statement deletes.
const PURGED_MAX: u64 = 1_000;
/// Statements of one purge; what is left is the next one's.
const PURGE_ROUNDS_MAX: u32 = 20;

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

/// Which results a list has; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SyntheticResultFilter {
    /// With one of these statuses.
    pub status: Option<Vec<Status>>,
}

/// A page of results for each integration, in the order in which they came.
///
/// # Errors
/// Denied without `integrations:read`; [`Error::Argument`] for a bad page.
pub async fn results_by_integrations(
    actor: &Actor,
    integrations: &[Uuid],
    filter: &SyntheticResultFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<SyntheticResult>>> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    let order = Keyset::<synthetic_result::Entity> {
        name: "synthetic_result",
        column: None,
        id: synthetic_result::Column::Id,
        direction,
    };
    let request = page.check(order.name)?;
    scope
        .find()
        .filter_some(filter.status.clone(), |status| synthetic_result::Column::Status.is_in(status))
        .pages_by_parent(synthetic_result::Column::IntegrationId, integrations, &order, &request)
        .await
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
    let schedule = check(scope.app(), &row, &destination, &new, &mut problems);
    problems.check()?;
    let tx = begin(&scope, row.tenant_id).await?;
    let before = locked(&tx, integration_id).await?;
    let now = tx.app().clock().now();
    let is_scheduled = schedule.is_some() || new.every_seconds.is_some();
    let set = SyntheticCheck {
        stream: new.stream,
        record: new.record,
        schedule_cron: schedule.as_ref().map(|schedule| schedule.cron().to_owned()),
        schedule_time_zone: schedule.as_ref().map(|schedule| schedule.time_zone().to_owned()),
        every_seconds: new.every_seconds,
        removes: new.removes,
        next_at: is_scheduled.then_some(now),
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
    let now = tx.app().clock().now();
    tx.delete::<synthetic_result::Entity>()
        .filter(synthetic_result::Column::IntegrationId.eq(integration_id))
        .exec(tx.connection())
        .await
        .doing("deleting results of a synthetic check")?;
    if check.leftover.is_none() && check.lease_token.is_none() {
        delete(&tx, check.id).await?;
    } else {
        tx.update::<synthetic_check::Entity>()
            .col_expr(synthetic_check::Column::RemovedAt, Expr::value(Some(now)))
            .col_expr(synthetic_check::Column::NextAt, Expr::value(Some(now)))
            .col_expr(synthetic_check::Column::AskedBy, Expr::value(None::<String>))
            .col_expr(synthetic_check::Column::FailingSince, Expr::value(None::<DateTime<Utc>>))
            .filter(synthetic_check::Column::Id.eq(check.id))
            .exec(tx.connection())
            .await
            .doing("removing a synthetic check")?;
    }
    if check.failing_since.is_some() {
        let told = NewOccasion::new(OccasionKind::SyntheticPassed).integration(integration_id);
        occasion::record(&tx, told.detail("now", "REMOVED")).await?;
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
    let tx = begin(&scope, row.tenant_id).await?;
    let check = existing(&tx, integration_id).await?;
    if row.status == IntegrationStatus::Archived {
        return Err(Error::conflict(
            "integrationId",
            "this integration is archived; it sends nothing any more",
        ));
    }
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

/// When a check is due after this, by its schedule.
pub(crate) fn next_after(check: &SyntheticCheck, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match (&check.schedule_cron, &check.schedule_time_zone, check.every_seconds) {
        (Some(cron), Some(time_zone), _) => Schedule::parse(cron, time_zone).ok()?.next_after(now),
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

/// Deletes results of an integration that are more than are kept.
pub(crate) async fn trim(tx: &TxScope, integration_id: Uuid) -> Result<()> {
    let of_it = synthetic_result::Column::IntegrationId.eq(integration_id);
    let last: Option<Uuid> = tx
        .find::<synthetic_result::Entity>()
        .select_only()
        .column(synthetic_result::Column::Id)
        .filter(of_it.clone())
        .order_by_desc(synthetic_result::Column::Id)
        .offset(KEPT_MAX)
        .limit(1)
        .into_tuple()
        .one(tx.connection())
        .await
        .doing("looking for old results of a synthetic check")?;
    let Some(last) = last else { return Ok(()) };
    tx.delete::<synthetic_result::Entity>()
        .filter(of_it)
        .filter(synthetic_result::Column::Id.lte(last))
        .exec(tx.connection())
        .await
        .doing("deleting old results of a synthetic check")?;
    Ok(())
}

/// Deletes results that are older than they are kept. Answers with how many.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(crate) async fn purge(app: &App) -> Result<u64> {
    let connection = app.across_tenants().writer();
    let old = app.clock().now() - Duration::days(KEPT_DAYS);
    let mut deleted = 0;
    for _round in 0..PURGE_ROUNDS_MAX {
        let ids = old_results(connection, old).await?;
        if ids.is_empty() {
            break;
        }
        let is_last = (ids.len() as u64) < PURGED_MAX;
        let gone = synthetic_result::Entity::delete_many()
            .filter(synthetic_result::Column::Id.is_in(ids))
            .exec(connection)
            .await
            .doing("deleting old results of synthetic checks")?;
        deleted += gone.rows_affected;
        if is_last {
            break;
        }
    }
    Ok(deleted)
}

#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn old_results(connection: &impl ConnectionTrait, old: DateTime<Utc>) -> Result<Vec<Uuid>> {
    synthetic_result::Entity::find()
        .select_only()
        .column(synthetic_result::Column::Id)
        .filter(synthetic_result::Column::FinishedAt.lt(old))
        .order_by_asc(synthetic_result::Column::FinishedAt)
        .limit(PURGED_MAX)
        .into_tuple()
        .all(connection)
        .await
        .doing("looking for old results of synthetic checks")
}

/// What is wrong with a new check; its cron schedule, where it has one that is good.
fn check(
    app: &App,
    integration: &Integration,
    destination: &system::Model,
    new: &NewSyntheticCheck,
    problems: &mut Problems,
) -> Option<Schedule> {
    let stream = integration.streams.0.iter().find(|stream| stream.name == new.stream);
    if stream.is_none() {
        problems.add(ProblemCode::NotFound, "stream", "the integration has no stream with this name");
    }
    let bad = json::problems(&["record".to_owned()], &new.record, RECORD_BYTES_MAX);
    let is_storable = bad.is_empty();
    bad.into_iter().for_each(|problem| problems.push(problem));
    match &new.record {
        Value::Object(record) if is_storable => {
            let key = stream.map(|stream| stream.key_fields.as_slice()).unwrap_or_default();
            let has_place = |field: &String| record.get(field).is_some_and(mark::has_place);
            if stream.is_some() && !key.iter().any(has_place) {
                let message = format!(
                    "has no mark in its key: put `{TEXT_PLACE}`, or `{NUMBER_PLACE}` for a number, into {}",
                    key.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(" or ")
                );
                problems.add(ProblemCode::Invalid, "record", message);
            }
        }
        Value::Object(_) => {}
        _ => problems.add(ProblemCode::Invalid, "record", "must be an object, as the source would give it"),
    }
    if let Some(stream) = stream {
        let connectors = app.connectors();
        let (name, options) = (destination.connector.as_str(), &stream.destination);
        let connector = connectors.get(name);
        if connector.is_some_and(|connector| !connector.takes_single_records(options)) {
            let message = format!(
                "is written whole by each run of the destination's connector `{name}`; a test record can't be sent by itself"
            );
            problems.add(ProblemCode::Invalid, "stream", message);
        } else if new.removes && !connectors.can_remove(name, options, &Removal::Delete) {
            let message = format!(
                "the destination's connector `{name}` can't delete a record with these options; with false one test record \
                 stays there, and is written again each time"
            );
            problems.add(ProblemCode::Invalid, "remove", message);
        }
    }
    if let Some(seconds) = new.every_seconds
        && !(EVERY_SECONDS_MIN..=EVERY_SECONDS_MAX).contains(&seconds)
    {
        let message = format!("is {seconds}; it must be from {EVERY_SECONDS_MIN} to {EVERY_SECONDS_MAX}");
        problems.add(ProblemCode::Invalid, "everySeconds", message);
    }
    if new.every_seconds.is_some() && new.schedule.is_some() {
        problems.add(ProblemCode::Invalid, "everySeconds", "can't be given together with `schedule`");
    }
    let schedule = new.schedule.as_ref()?;
    match Schedule::parse(&schedule.cron, &schedule.time_zone) {
        Ok(schedule) => Some(schedule),
        Err(found) => {
            for problem in found {
                let path = ["schedule".to_owned()].into_iter().chain(problem.path);
                problems.push(Problem::new(problem.code, path, problem.message));
            }
            None
        }
    }
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
        lease_token: None,
        lease_until: None,
        failing_since: None,
        leftover: None,
        set_by: String::new(),
        created_at: now,
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
        .filter(integration::Column::Id.eq(integration_id))
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

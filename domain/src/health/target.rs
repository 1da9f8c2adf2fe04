//! What people expect of an integration: how old its newest success may be, how many of its runs succeed, how long they
//! take. What nobody said has a default. Each change is kept with who made it and when.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::health_target;
use entity::integration::{self, IntegrationStatus};
use entity::integration_health;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::status::watch_from_now;
use crate::actor::Actor;
use crate::audit::names;
use crate::authentication::STAFF_NAME;
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::id::{Kind, new_id};
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::schedule::Schedule;
use crate::scope::{Keyset, Parent, Scope, TxScope};
use crate::validation::Problems;

/// The percentage of runs that succeed when nobody says.
pub const RUN_SUCCESS_PERCENT_DEFAULT: f64 = 99.0;
/// How old a success may be at most, in seconds: a year, which is a yearly run's.
pub const FRESHNESS_SECONDS_MAX: i64 = 366 * 86_400;
/// The longest target of a run, in milliseconds: a week.
pub const LATENCY_MS_MAX: i64 = 7 * 86_400_000;
/// By its schedule no integration is late before this, in seconds: one that runs every minute is not worth a call when it
/// misses two.
const FRESHNESS_BY_SCHEDULE_SECONDS_MIN: i64 = 3_600;

/// Targets, as somebody set them; `None` is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HealthTargets {
    /// The oldest that the newest success may be, in seconds: 1 to [`FRESHNESS_SECONDS_MAX`]. By default it is late when its
    /// schedule has ticked twice since, and an hour has passed; without a schedule never.
    pub freshness_seconds: Option<i64>,
    /// More than 0, up to 100; [`RUN_SUCCESS_PERCENT_DEFAULT`] by default.
    pub run_success_percent: Option<f64>,
    /// The 95th percentile of the durations of its runs in milliseconds, 1 to [`LATENCY_MS_MAX`]; by default a fifth more than
    /// it was in the seven days before today.
    pub latency_p95_ms: Option<i64>,
}

impl HealthTargets {
    pub(crate) fn of(row: &health_target::Model) -> Self {
        Self {
            freshness_seconds: row.freshness_seconds,
            run_success_percent: row.run_success_percent,
            latency_p95_ms: row.latency_p95_ms,
        }
    }

    /// When an integration is late whose newest success, or the begin of its being watched, is of `base`.
    pub(crate) fn late_at(
        &self,
        integration: &integration::Model,
        base: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        if let Some(seconds) = self.freshness_seconds {
            return Some(base + Duration::seconds(seconds));
        }
        let (cron, zone) = (integration.schedule_cron.as_ref()?, integration.schedule_time_zone.as_ref()?);
        let schedule = Schedule::parse(cron, zone).ok()?;
        // The run of the first tick had until the second one.
        let second = schedule.next_after(schedule.next_after(base)?)?;
        Some(second.max(base + Duration::seconds(FRESHNESS_BY_SCHEDULE_SECONDS_MIN)))
    }
}

/// Changes of targets; what is `None` stays, `Some(None)` is the default again.
#[derive(Clone, Copy, Debug, Default)]
pub struct HealthTargetChanges {
    /// In seconds.
    pub freshness_seconds: Option<Option<i64>>,
    /// In percent.
    pub run_success_percent: Option<Option<f64>>,
    /// In milliseconds.
    pub latency_p95_ms: Option<Option<i64>>,
}

/// One change of targets.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthTargetChange {
    /// Its id.
    pub id: Uuid,
    /// The targets from then on.
    pub targets: HealthTargets,
    /// Who set them; a tenant reads of the operator's staff only that it was they.
    pub set_by: String,
    /// When.
    pub set_at: DateTime<Utc>,
}

fn change(actor: &Actor, row: health_target::Model) -> HealthTargetChange {
    HealthTargetChange {
        id: row.id,
        targets: HealthTargets::of(&row),
        set_by: if row.is_by_staff && !actor.is_staff() { STAFF_NAME.to_owned() } else { row.set_by },
        set_at: row.set_at,
    }
}

/// Changes what is expected of an integration. Where that is how old its newest success may be, its age is judged from now
/// on.
///
/// # Errors
/// Denied without `integrations:write`. Rejected, all at once: `NOT_FOUND` integrationId; `CONFLICT` when it is archived;
/// `INVALID` numbers out of their ranges.
pub async fn set(
    actor: &Actor,
    integration_id: Uuid,
    changes: HealthTargetChanges,
) -> Result<integration::Model> {
    let scope = actor.authorize(Permission::IntegrationWrite)?;
    let not_found = || Error::not_found("integrationId", "integration");
    let row = scope
        .find::<integration::Entity>()
        .of_id(integration::Column::Id, integration_id)
        .one()
        .await?
        .ok_or_else(not_found)?;
    if row.status == IntegrationStatus::Archived {
        let message = "this integration is archived; it does not change any more";
        return Err(Error::conflict("integrationId", message));
    }
    check(&changes)?;
    let tx = scope.begin(row.tenant_id).await?.ok_or_else(not_found)?;
    let health = locked(&tx, integration_id).await?;
    let before = current(&tx, health.target_id).await?;
    let target = health_target::Model {
        id: new_id(),
        tenant_id: row.tenant_id,
        integration_id,
        freshness_seconds: changes.freshness_seconds.unwrap_or(before.freshness_seconds),
        run_success_percent: changes.run_success_percent.unwrap_or(before.run_success_percent),
        latency_p95_ms: changes.latency_p95_ms.unwrap_or(before.latency_p95_ms),
        set_by: actor.own_name().to_owned(),
        is_by_staff: actor.is_staff(),
        set_at: tx.app().clock().now(),
    };
    let target = tx.insert::<health_target::Entity>(target, "storing targets").await?;
    tx.update::<integration_health::Entity>()
        .col_expr(integration_health::Column::TargetId, Expr::value(Some(target.id)))
        // A sweep judges it by them within a second.
        .col_expr(integration_health::Column::CheckAt, Expr::value(target.set_at))
        .filter(integration_health::Column::IntegrationId.eq(integration_id))
        .exec(tx.connection())
        .await
        .doing("storing which targets hold")?;
    if target.freshness_seconds != before.freshness_seconds {
        watch_from_now(&tx, integration_id).await?;
    }
    let changed = names([
        ("freshnessSeconds", changes.freshness_seconds.is_some()),
        ("runSuccessPercent", changes.run_success_percent.is_some()),
        ("latencyP95Ms", changes.latency_p95_ms.is_some()),
    ]);
    tx.about(Kind::Integration, integration_id).detail(changed).commit().await?;
    Ok(row)
}

fn check(changes: &HealthTargetChanges) -> Result<()> {
    let mut problems = Problems::default();
    for (field, value, most) in [
        ("freshnessSeconds", changes.freshness_seconds, FRESHNESS_SECONDS_MAX),
        ("latencyP95Ms", changes.latency_p95_ms, LATENCY_MS_MAX),
    ] {
        if let Some(Some(value)) = value
            && !(1..=most).contains(&value)
        {
            let message = format!("is {value}; it must be from 1 to {most}");
            problems.add(ProblemCode::Invalid, field, message);
        }
    }
    if let Some(Some(percent)) = changes.run_success_percent
        && !(percent > 0.0 && percent <= 100.0)
    {
        let message = format!("is {percent}; it must be more than 0, and at most 100");
        problems.add(ProblemCode::Invalid, "runSuccessPercent", message);
    }
    problems.check()
}

/// The row of an integration, which is made where an earlier program did not.
async fn locked(tx: &TxScope, integration_id: Uuid) -> Result<integration_health::Model> {
    let read = async || {
        tx.find::<integration_health::Entity>()
            .filter(integration_health::Column::IntegrationId.eq(integration_id))
            .lock_exclusive()
            .one(tx.connection())
            .await
            .doing("reading how an integration is")
    };
    if let Some(row) = read().await? {
        return Ok(row);
    }
    let now = tx.app().clock().now();
    let row = super::status::fresh(tx.tenant_id(), integration_id, now);
    let nothing = "ON CONFLICT (integration_id) DO NOTHING";
    let doing = "storing how an integration is";
    crate::insert::upsert_rows::<integration_health::Entity>(tx.connection(), vec![row], nothing, doing)
        .await?;
    read().await?.ok_or_else(|| Error::internal(doing, "it is not there"))
}

async fn current(tx: &TxScope, target_id: Option<Uuid>) -> Result<HealthTargets> {
    let Some(id) = target_id else { return Ok(HealthTargets::default()) };
    let row = tx
        .find::<health_target::Entity>()
        .filter(health_target::Column::Id.eq(id))
        .one(tx.connection())
        .await
        .doing("reading targets")?;
    Ok(row.as_ref().map(HealthTargets::of).unwrap_or_default())
}

/// What is expected of integrations, as people set it.
///
/// # Errors
/// Denied without `integrations:read`.
pub async fn targets_by_integrations(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, HealthTargets>> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    let rows = scope
        .find::<integration_health::Entity>()
        .filter(integration_health::Column::IntegrationId.is_in(ids.iter().copied()))
        .all()
        .await?;
    let rows = rows.into_iter().map(|row| (row.integration_id, row)).collect();
    of_rows(&scope, &rows).await
}

/// The targets of these rows, by integration; those with the defaults are absent.
pub(crate) async fn of_rows(
    scope: &Scope,
    rows: &HashMap<Uuid, integration_health::Model>,
) -> Result<HashMap<Uuid, HealthTargets>> {
    let ids: Vec<Uuid> = rows.values().filter_map(|row| row.target_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = scope.find::<health_target::Entity>().of_ids(health_target::Column::Id, ids).all().await?;
    Ok(found.iter().map(|row| (row.integration_id, HealthTargets::of(row))).collect())
}

/// A page of the changes of targets of each integration, in one statement.
///
/// # Errors
/// Denied without `integrations:read`; [`Error::Argument`] for a bad page.
pub async fn changes_by_integrations(
    actor: &Actor,
    integrations: &[Uuid],
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<HealthTargetChange>>> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    let order = Keyset::<health_target::Entity> {
        name: "health_target",
        column: None,
        id: health_target::Column::Id,
        direction,
    };
    let pages = scope
        .find()
        .pages_by_parent(
            Parent::of::<integration::Entity>(health_target::Column::IntegrationId),
            integrations,
            &order,
            &page.check(order.name)?,
        )
        .await?;
    Ok(pages.into_iter().map(|(id, page)| (id, page.map(|row| change(actor, row)))).collect())
}

//! How integrations are: one status each, and how old their newest success is. Read here; `health/reason.rs` says why,
//! `health/overview.rs` how those of a tenant are together, `health/metrics.rs` what became of their runs, and
//! `health/window.rs` of which hours and days. `health/rollup.rs` counts, `health/status.rs` derives, `health/target.rs` says
//! what is expected, `health/alert.rs` when that is missed.

pub(crate) mod alert;
mod durations;
mod metrics;
mod overview;
mod reason;
pub(crate) mod rollup;
pub(crate) mod status;
pub(crate) mod target;
mod window;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::integration::{self, IntegrationStatus};
use entity::integration_health;
use entity::tenant::{self, TenantStatus};
use sea_orm::ColumnTrait;
use uuid::Uuid;

use self::reason::Causes;
use self::status::running;
use crate::actor::Actor;
use crate::error::Result;
use crate::permission::Permission;
use crate::scope::Scope;

pub use self::alert::{AlertKind, HealthAlert, HealthAlertFilter, pages_by_integrations as alert_pages};
pub use self::metrics::{
    Metrics, metrics_by_integrations, metrics_by_tenants, metrics_of_platform, series_by_integrations,
    series_by_tenants, series_of_platform,
};
pub use self::overview::{Overview, by_tenants, platform};
pub use self::reason::{HealthReason, ReasonCode};
pub use self::status::HealthStatus;
pub(crate) use self::status::systems_changed;
pub use self::target::{
    FRESHNESS_SECONDS_MAX, HealthTargetChange, HealthTargetChanges, HealthTargets, LATENCY_MS_MAX,
    RUN_SUCCESS_PERCENT_DEFAULT, changes_by_integrations as target_change_pages, set as set_targets,
    targets_by_integrations,
};
pub(crate) use self::window::window;
pub use self::window::{Series, WINDOW_HOURS_MAX, check_window};
pub use entity::health_rollup::HealthPeriod as Period;

/// How an integration is.
#[derive(Clone, Debug)]
pub struct Health {
    /// Its status.
    pub status: HealthStatus,
    /// Since when; of RUNNING since when it was well or unknown.
    pub since: DateTime<Utc>,
    /// Why, the first being the status'; empty where all is well.
    pub reasons: Vec<HealthReason>,
    /// The run that read its source last and has ended.
    pub last_run_id: Option<Uuid>,
    /// How old what it brought home is.
    pub freshness: Freshness,
}

/// How old the newest success of an integration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// When the newest run ended that read its source and brought something home.
    pub newest_success_at: Option<DateTime<Utc>>,
    /// How long ago that was.
    pub age_seconds: Option<i64>,
    /// When it is late, or since when; `None` where nothing is expected, or nothing of it runs.
    pub late_at: Option<DateTime<Utc>>,
    /// It is late.
    pub is_late: bool,
}

/// How integrations are, those that the caller may see, in a fixed number of statements.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn by_integrations(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Health>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let now = scope.app().clock().now();
    let integrations = scope
        .find::<integration::Entity>()
        .of_ids(integration::Column::Id, ids.iter().copied())
        .all()
        .await?;
    let rows = scope
        .find::<integration_health::Entity>()
        .filter(integration_health::Column::IntegrationId.is_in(ids.iter().copied()))
        .all()
        .await?;
    let rows: HashMap<Uuid, integration_health::Model> =
        rows.into_iter().map(|row| (row.integration_id, row)).collect();
    let suspended = suspended(&scope, &integrations).await?;
    let causes = Causes::read(&scope, &integrations, &rows).await?;
    let targets = target::of_rows(&scope, &rows).await?;
    let running = running(&scope, ids).await?;
    let health = |integration: integration::Model| {
        let (id, tenant) = (integration.id, integration.tenant_id);
        let row = rows.get(&id).cloned().unwrap_or_else(|| status::fresh(tenant, id, integration.created_at));
        let targets = targets.get(&id).copied().unwrap_or_default();
        let late_at = late_at(&integration, suspended.contains(&tenant), &row, &targets);
        let health = Health {
            status: shown(row.status, running.contains(&id)),
            since: row.since,
            reasons: causes.reasons(&integration, &row),
            last_run_id: row.last_run_id,
            freshness: freshness(late_at, &row, now),
        };
        (id, health)
    };
    Ok(integrations.into_iter().map(health).collect())
}

/// RUNNING takes the place of what a run may be about to change.
fn shown(stored: HealthStatus, is_running: bool) -> HealthStatus {
    match stored {
        HealthStatus::Healthy | HealthStatus::Unknown if is_running => HealthStatus::Running,
        stored => stored,
    }
}

/// Those tenants of these integrations that are suspended.
async fn suspended(scope: &Scope, integrations: &[integration::Model]) -> Result<HashSet<Uuid>> {
    let tenants: HashSet<Uuid> = integrations.iter().map(|row| row.tenant_id).collect();
    let suspended = scope
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.is_in(tenants))
        .filter(tenant::Column::Status.eq(TenantStatus::Suspended))
        .tuples::<(Uuid,)>([tenant::Column::Id])
        .await?;
    Ok(suspended.into_iter().map(|(id,)| id).collect())
}

/// Whether anything of an integration runs whose age could be judged. Of a suspended tenant nothing does.
pub(crate) fn is_watched(status: IntegrationStatus, is_suspended: bool) -> bool {
    !is_suspended && matches!(status, IntegrationStatus::Active | IntegrationStatus::Held)
}

/// From when the age of its newest success is counted.
pub(crate) fn fresh_from(row: &integration_health::Model) -> DateTime<Utc> {
    row.newest_success_at.map_or(row.watched_from, |at| at.max(row.watched_from))
}

/// When an integration is late by what is known now.
pub(crate) fn late_at(
    integration: &integration::Model,
    is_suspended: bool,
    row: &integration_health::Model,
    targets: &HealthTargets,
) -> Option<DateTime<Utc>> {
    let late_at = targets.late_at(integration, fresh_from(row));
    late_at.filter(|_late_at| is_watched(integration.status, is_suspended))
}

fn freshness(
    late_at: Option<DateTime<Utc>>,
    row: &integration_health::Model,
    now: DateTime<Utc>,
) -> Freshness {
    Freshness {
        newest_success_at: row.newest_success_at,
        age_seconds: row.newest_success_at.map(|at| (now - at).num_seconds().max(0)),
        late_at,
        is_late: late_at.is_some_and(|late_at| late_at <= now),
    }
}

//! How integrations are: one status each, with its reasons, and what became of their runs over hours and days. Read here;
//! `health/rollup.rs` counts, `health/status.rs` derives, `health/target.rs` says what is expected, `health/alert.rs` when
//! that is missed.

pub(crate) mod alert;
mod durations;
pub(crate) mod rollup;
pub(crate) mod status;
pub(crate) mod target;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::health_rollup::HealthPeriod;
use entity::integration::{self, IntegrationStatus};
use entity::run::{self, RunStatus};
use entity::system::{self, SystemStatus};
use entity::tenant::{self, TenantStatus};
use entity::{health_alert, integration_health, synthetic_check};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, FromQueryResult, QuerySelect};
use uuid::Uuid;

use self::rollup::{Owners, Span, Sums, begin, length};
use self::status::{IS_RUNNING, asks_customers, running, severity};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::scope::Scope;

pub use self::alert::{AlertKind, HealthAlert, HealthAlertFilter, pages_by_integrations as alert_pages};
pub use self::status::HealthStatus;
pub(crate) use self::status::systems_changed;
pub use self::target::{
    FRESHNESS_SECONDS_MAX, HealthTargetChange, HealthTargetChanges, HealthTargets, LATENCY_MS_MAX,
    RUN_SUCCESS_PERCENT_DEFAULT, changes_by_integrations as target_change_pages, set as set_targets,
};
pub use entity::health_rollup::HealthPeriod as Period;

/// The longest window, in hours: as long as hours are kept.
pub const WINDOW_HOURS_MAX: i32 = 90 * 24;
/// Windows up to so many hours are of whole hours, longer ones of whole days.
const WINDOW_OF_HOURS_MAX: i32 = 7 * 24;
/// Hours of one series: a month, as many points as a chart is wide.
const SERIES_HOURS_MAX: i64 = 31 * 24;
/// Days of one series: as many as are kept.
const SERIES_DAYS_MAX: i64 = rollup::DAYS_KEPT_DAYS;
/// Hours and days of a series whose begin nobody says.
const SERIES_HOURS_DEFAULT: i64 = 24;
const SERIES_DAYS_DEFAULT: i64 = 30;

/// What became of the regular runs that ended in some hours or days: those that read the source for the first time, without
/// retries, backfills, reconciliations and probes.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Begin of the first of these hours or days.
    pub from: DateTime<Utc>,
    /// End of the last one, which may be yet to come.
    pub to: DateTime<Utc>,
    sums: Sums,
}

impl Metrics {
    fn of(span: Span, sums: Option<Sums>) -> Self {
        Self { from: span.from, to: span.before, sums: sums.unwrap_or_default() }
    }

    /// Runs of which every record arrived.
    pub fn succeeded(&self) -> i64 {
        self.sums.succeeded
    }

    /// Runs of which some records failed.
    pub fn partial(&self) -> i64 {
        self.sums.partial
    }

    /// Runs that could not go on.
    pub fn failed(&self) -> i64 {
        self.sums.failed
    }

    /// Runs that were canceled.
    pub fn canceled(&self) -> i64 {
        self.sums.canceled
    }

    /// Of the runs that ended by themselves the percentage that succeeded; `None` without any.
    pub fn run_success_percent(&self) -> Option<f64> {
        self.sums.success_percent()
    }

    /// Of the records read the percentage that did not fail; `None` without any.
    pub fn record_success_percent(&self) -> Option<f64> {
        let (read, failed) = (self.sums.read as f64, self.sums.failed_records as f64);
        (self.sums.read > 0).then(|| (100.0 * (read - failed) / read).max(0.0))
    }

    /// What this share (0 to 1) of the runs that went through did not exceed, in milliseconds; off by at most 4.4 %.
    pub fn latency_ms(&self, share: f64) -> Option<f64> {
        self.sums.durations.percentile_ms(share)
    }

    /// The mean of their durations in milliseconds, exactly.
    pub fn latency_mean_ms(&self) -> Option<f64> {
        let count = self.sums.durations.count();
        (count > 0).then(|| self.sums.durations.sum_ms() as f64 / count as f64)
    }

    /// Records that they read in a second; `None` where they took no time.
    pub fn records_per_second(&self) -> Option<f64> {
        let milliseconds = self.sums.durations.sum_ms();
        (milliseconds > 0).then(|| self.sums.read_through as f64 * 1_000.0 / milliseconds as f64)
    }

    /// Records read, created, updated, unchanged, skipped and failed.
    pub fn records(&self) -> [i64; 6] {
        let Sums { read, created, updated, unchanged, skipped, failed_records, .. } = self.sums;
        [read, created, updated, unchanged, skipped, failed_records]
    }
}

/// Which hours or days a series has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    /// Hours or days.
    pub by: Period,
    /// From the one that has this time; a day or a month before `to` by default.
    pub from: Option<DateTime<Utc>>,
    /// To the one that has this time; now by default.
    pub to: Option<DateTime<Utc>>,
}

impl Series {
    pub(crate) fn span(self, now: DateTime<Utc>) -> Result<Span> {
        let (longest, usual, name) = match self.by {
            HealthPeriod::Hour => (SERIES_HOURS_MAX, SERIES_HOURS_DEFAULT, "hours"),
            HealthPeriod::Day => (SERIES_DAYS_MAX, SERIES_DAYS_DEFAULT, "days"),
        };
        let step = length(self.by);
        let out_of_range =
            |argument| Error::Argument { argument, message: "is a time that is too far away".to_owned() };
        let last = begin(self.by, self.to.unwrap_or(now));
        let before = last.checked_add_signed(step).ok_or_else(|| out_of_range("to"))?;
        let from = match self.from {
            Some(from) => begin(self.by, from),
            None => last
                .checked_sub_signed(step * i32::try_from(usual - 1).unwrap_or(0))
                .ok_or_else(|| out_of_range("to"))?,
        };
        let points = (before - from).num_seconds() / step.num_seconds();
        if points < 1 {
            let message = "is after `to`".to_owned();
            return Err(Error::Argument { argument: "from", message });
        }
        if points > longest {
            let message = format!("is {points} {name} before the end; a series has at most {longest}");
            return Err(Error::Argument { argument: "from", message });
        }
        Ok(Span { period: self.by, from, before })
    }
}

/// Whether a window has so many hours.
///
/// # Errors
/// [`Error::Argument`] for one that is too short or too long.
pub fn check_window(hours: i32) -> Result<()> {
    if (1..=WINDOW_HOURS_MAX).contains(&hours) {
        return Ok(());
    }
    let message = format!("is {hours}; it must be from 1 to {WINDOW_HOURS_MAX}");
    Err(Error::Argument { argument: "windowHours", message })
}

/// The hours or days of a window that ends now: the present one included.
pub(crate) fn window(now: DateTime<Utc>, hours: i32) -> Result<Span> {
    check_window(hours)?;
    let (period, count) = match hours {
        0..=WINDOW_OF_HOURS_MAX => (HealthPeriod::Hour, hours),
        _ => (HealthPeriod::Day, (hours + 23) / 24),
    };
    let before = begin(period, now) + length(period);
    Ok(Span { period, from: before - length(period) * count, before })
}

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

/// Something that keeps an integration from being healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthReason {
    /// What.
    pub code: ReasonCode,
    /// In words for its people.
    pub message: String,
}

/// What keeps an integration from being healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReasonCode {
    /// It is archived.
    Archived,
    /// People paused it.
    Paused,
    /// The system holds it.
    Held,
    /// A system is to be signed in to again.
    ReauthorizationRequired,
    /// Failures are open that its people are to deal with.
    OpenFailures,
    /// Its last run could not go on.
    LastRunFailed,
    /// Its newest success is older than it may be.
    Late,
    /// Records of its last run failed.
    LastRunPartial,
    /// Fewer of its runs succeed than are to.
    SuccessRate,
    /// Its runs take longer than they are to, or than they did.
    Latency,
    /// It reads far more or fewer records in a day than it did.
    Volume,
    /// Its synthetic check fails.
    SyntheticFailed,
    /// It has not run yet.
    NotRunYet,
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
        .filter(integration::Column::Id.is_in(ids.iter().copied()))
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

/// What the statuses of some integrations are derived from.
struct Causes {
    unauthorized: HashSet<Uuid>,
    with_failures: HashSet<Uuid>,
    last_runs: HashMap<Uuid, RunStatus>,
    alerts: HashMap<Uuid, Vec<AlertKind>>,
    unproven: HashSet<Uuid>,
}

impl Causes {
    async fn read(
        scope: &Scope,
        integrations: &[integration::Model],
        rows: &HashMap<Uuid, integration_health::Model>,
    ) -> Result<Self> {
        let ids: Vec<Uuid> = integrations.iter().map(|row| row.id).collect();
        let ends: HashSet<Uuid> =
            integrations.iter().flat_map(|row| [row.source_id, row.destination_id]).collect();
        let unauthorized = scope
            .find::<system::Entity>()
            .filter(system::Column::Id.is_in(ends))
            .filter(system::Column::Status.eq(SystemStatus::ReauthRequired))
            .tuples::<(Uuid,)>([system::Column::Id])
            .await?;
        let with_failures = scope
            .find::<integration::Entity>()
            .filter(integration::Column::Id.is_in(ids.iter().copied()))
            .filter(Expr::cust(asks_customers("integration")))
            .tuples::<(Uuid,)>([integration::Column::Id])
            .await?;
        let last_runs = scope
            .find::<run::Entity>()
            .filter(run::Column::Id.is_in(rows.values().filter_map(|row| row.last_run_id)))
            .tuples::<(Uuid, RunStatus)>([run::Column::Id, run::Column::Status])
            .await?;
        let open = scope
            .find::<health_alert::Entity>()
            .filter(health_alert::Column::IntegrationId.is_in(ids.iter().copied()))
            .filter(health_alert::Column::ClosedAt.is_null())
            .tuples::<(Uuid, AlertKind)>([health_alert::Column::IntegrationId, health_alert::Column::Kind])
            .await?;
        let mut alerts: HashMap<Uuid, Vec<AlertKind>> = HashMap::new();
        for (id, kind) in open {
            alerts.entry(id).or_default().push(kind);
        }
        let unproven = scope
            .find::<synthetic_check::Entity>()
            .filter(synthetic_check::Column::IntegrationId.is_in(ids))
            .filter(synthetic_check::Column::FailingSince.is_not_null())
            .tuples::<(Uuid,)>([synthetic_check::Column::IntegrationId])
            .await?;
        Ok(Self {
            unproven: unproven.into_iter().map(|(id,)| id).collect(),
            unauthorized: unauthorized.into_iter().map(|(id,)| id).collect(),
            with_failures: with_failures.into_iter().map(|(id,)| id).collect(),
            last_runs: last_runs.into_iter().collect(),
            alerts,
        })
    }

    /// In the order of the precedence.
    fn reasons(
        &self,
        integration: &integration::Model,
        row: &integration_health::Model,
    ) -> Vec<HealthReason> {
        use ReasonCode as Code;
        let mut reasons = Vec::new();
        let mut add = |is_so: bool, code, message: &str| {
            if is_so {
                reasons.push(HealthReason { code, message: message.to_owned() });
            }
        };
        let why = integration.status_reason.as_deref();
        let is = |status| integration.status == status;
        add(is(IntegrationStatus::Archived), Code::Archived, "It is archived.");
        add(is(IntegrationStatus::Paused), Code::Paused, why.unwrap_or("It is paused."));
        add(is(IntegrationStatus::Held), Code::Held, why.unwrap_or("It is held."));
        let is_open = self.with_failures.contains(&row.integration_id);
        add(is_open, Code::OpenFailures, "Failures are open that you can deal with.");
        let ends = [integration.source_id, integration.destination_id];
        let is_refused = ends.iter().any(|id| self.unauthorized.contains(id));
        add(is_refused, Code::ReauthorizationRequired, "A system of it has to be signed in to again.");
        let last = row.last_run_id.and_then(|id| self.last_runs.get(&id).copied());
        add(last == Some(RunStatus::Failed), Code::LastRunFailed, "Its last run could not go on.");
        add(row.is_late, Code::Late, "Its newest success is older than it may be.");
        add(
            last == Some(RunStatus::Partial),
            Code::LastRunPartial,
            "Records of its last run did not arrive.",
        );
        for (kind, code, message) in [
            (AlertKind::SuccessRate, Code::SuccessRate, "Fewer of its runs succeed than are to."),
            (AlertKind::Latency, Code::Latency, "Its runs take longer than they are to."),
            (AlertKind::Volume, Code::Volume, "It read far more or fewer records in a day than usual."),
        ] {
            let is_open = self.alerts.get(&row.integration_id).is_some_and(|open| open.contains(&kind));
            add(is_open, code, message);
        }
        let is_unproven = self.unproven.contains(&row.integration_id);
        add(is_unproven, Code::SyntheticFailed, "Its test record does not go the whole way.");
        add(row.last_run_id.is_none(), Code::NotRunYet, "It has not run yet.");
        reasons
    }
}

/// How the integrations of a tenant are, or of all.
#[derive(Clone, Debug)]
pub struct Overview {
    /// How many there are of each status, those that there are, the worst first. Archived ones are none of them.
    pub counts: Vec<(HealthStatus, i64)>,
}

impl Overview {
    /// The worst of the statuses; UNKNOWN where there is no integration.
    pub fn status(&self) -> HealthStatus {
        self.counts.first().map_or(HealthStatus::Unknown, |(status, _count)| *status)
    }
}

/// How the integrations of tenants are, in one statement.
///
/// # Errors
/// As [`by_integrations`].
pub async fn by_tenants(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Overview>> {
    let scope = actor.authorize(Permission::RunRead)?;
    overviews(&scope, Owners::Tenants(ids), ids.iter().copied()).await
}

/// How the integrations of all tenants are together.
///
/// # Errors
/// Denied without `diagnostics:read`, which the operator's staff have.
pub async fn platform(actor: &Actor) -> Result<Overview> {
    let scope = actor.authorize(Permission::DiagnosticsRead)?;
    let mut all = overviews(&scope, Owners::All, [Uuid::nil()]).await?;
    all.remove(&Uuid::nil()).ok_or_else(|| Error::internal("reading how the platform is", "it is not there"))
}

#[derive(FromQueryResult)]
struct StatusCount {
    tenant_id: Uuid,
    status: HealthStatus,
    is_running: bool,
    integrations: i64,
}

async fn overviews(
    scope: &Scope,
    owners: Owners<'_>,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Overview>> {
    use integration_health::Column;
    let rows = scope.find::<integration_health::Entity>().filter(Column::Status.ne(HealthStatus::Archived));
    let rows = match owners {
        Owners::Tenants(tenants) => rows.filter(Column::TenantId.is_in(tenants.iter().copied())),
        _ => rows,
    };
    let counts = rows
        .shaped::<StatusCount>(|select| {
            select
                .select_only()
                .column(Column::TenantId)
                .column(Column::Status)
                .column_as(Expr::cust(IS_RUNNING), "is_running")
                .column_as(Expr::cust("CAST(count(*) AS bigint)"), "integrations")
                .group_by(Column::TenantId)
                .group_by(Column::Status)
                .group_by(Expr::cust(IS_RUNNING))
        })
        .await?;
    let mut by_owner: HashMap<Uuid, HashMap<HealthStatus, i64>> = HashMap::new();
    for row in counts {
        let owner = if matches!(owners, Owners::All) { Uuid::nil() } else { row.tenant_id };
        let status = shown(row.status, row.is_running);
        *by_owner.entry(owner).or_default().entry(status).or_default() += row.integrations;
    }
    let overview = |id: Uuid| {
        let mut counts: Vec<(HealthStatus, i64)> =
            by_owner.remove(&id).unwrap_or_default().into_iter().collect();
        counts.sort_by_key(|(status, _count)| (-severity(*status), *status));
        (id, Overview { counts })
    };
    Ok(ids.into_iter().map(overview).collect())
}

/// What became of the runs of integrations in a window that ends now; nothing of those that the caller may not see.
///
/// # Errors
/// Denied without `runs:read`; as [`check_window`].
pub async fn metrics_by_integrations(
    actor: &Actor,
    ids: &[Uuid],
    window_hours: i32,
) -> Result<HashMap<Uuid, Metrics>> {
    let scope = actor.authorize(Permission::RunRead)?;
    metrics(&scope, Owners::Integrations(ids), ids, window_hours).await
}

/// The same of tenants.
///
/// # Errors
/// As [`metrics_by_integrations`].
pub async fn metrics_by_tenants(
    actor: &Actor,
    ids: &[Uuid],
    window_hours: i32,
) -> Result<HashMap<Uuid, Metrics>> {
    let scope = actor.authorize(Permission::RunRead)?;
    metrics(&scope, Owners::Tenants(ids), ids, window_hours).await
}

/// The same of all tenants together, by the id that is none.
///
/// # Errors
/// Denied without `diagnostics:read`; as [`check_window`].
pub async fn metrics_of_platform(actor: &Actor, window_hours: i32) -> Result<HashMap<Uuid, Metrics>> {
    let scope = actor.authorize(Permission::DiagnosticsRead)?;
    metrics(&scope, Owners::All, &[Uuid::nil()], window_hours).await
}

async fn metrics(
    scope: &Scope,
    owners: Owners<'_>,
    ids: &[Uuid],
    window_hours: i32,
) -> Result<HashMap<Uuid, Metrics>> {
    let span = window(scope.app().clock().now(), window_hours)?;
    let mut sums = rollup::totals(scope, owners, span).await?;
    Ok(ids.iter().map(|id| (*id, Metrics::of(span, sums.remove(id)))).collect())
}

/// What became of the runs of integrations in each hour or day in which any ended.
///
/// # Errors
/// Denied without `runs:read`; [`Error::Argument`] for a series that is too long.
pub async fn series_by_integrations(
    actor: &Actor,
    ids: &[Uuid],
    series: Series,
) -> Result<HashMap<Uuid, Vec<Metrics>>> {
    let scope = actor.authorize(Permission::RunRead)?;
    points(&scope, Owners::Integrations(ids), series).await
}

/// The same of tenants.
///
/// # Errors
/// As [`series_by_integrations`].
pub async fn series_by_tenants(
    actor: &Actor,
    ids: &[Uuid],
    series: Series,
) -> Result<HashMap<Uuid, Vec<Metrics>>> {
    let scope = actor.authorize(Permission::RunRead)?;
    points(&scope, Owners::Tenants(ids), series).await
}

/// The same of all tenants together.
///
/// # Errors
/// Denied without `diagnostics:read`; [`Error::Argument`] for a series that is too long.
pub async fn series_of_platform(actor: &Actor, series: Series) -> Result<Vec<Metrics>> {
    let scope = actor.authorize(Permission::DiagnosticsRead)?;
    Ok(points(&scope, Owners::All, series).await?.remove(&Uuid::nil()).unwrap_or_default())
}

async fn points(scope: &Scope, owners: Owners<'_>, series: Series) -> Result<HashMap<Uuid, Vec<Metrics>>> {
    let span = series.span(scope.app().clock().now())?;
    let points = rollup::points(scope, owners, span).await?;
    let metrics = |(from, sums)| Metrics { from, to: from + length(span.period), sums };
    Ok(points.into_iter().map(|(id, points)| (id, points.into_iter().map(metrics).collect())).collect())
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
    target::of_rows(&scope, &rows).await
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use chrono::{DateTime, Utc};

    use super::{Period, Series, window};

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn windows_are_of_whole_hours_and_from_a_week_on_of_whole_days() {
        let now = time("2026-11-26T18:30:00Z");
        let of = |hours| {
            let span = window(now, hours).unwrap();
            (span.from.to_rfc3339(), span.before.to_rfc3339())
        };
        let utc = |text: &str| time(text).to_rfc3339();
        assert_eq!(of(1), (utc("2026-11-26T18:00:00Z"), utc("2026-11-26T19:00:00Z")));
        assert_eq!(of(24), (utc("2026-11-25T19:00:00Z"), utc("2026-11-26T19:00:00Z")));
        assert_eq!(of(2_160), (utc("2026-08-29T00:00:00Z"), utc("2026-11-27T00:00:00Z")));
        assert!(window(now, 0).is_err() && window(now, 2_161).is_err());
    }

    #[test]
    fn series_are_bounded() {
        let now = time("2026-11-26T18:30:00Z");
        let of = |by, from: Option<&str>, to: Option<&str>| {
            Series { by, from: from.map(time), to: to.map(time) }.span(now)
        };
        let usual = of(Period::Hour, None, None).unwrap();
        assert_eq!((usual.before - usual.from).num_hours(), 24);
        assert_eq!((of(Period::Day, None, None).unwrap().from), time("2026-10-28T00:00:00Z"));
        assert!(of(Period::Hour, Some("2026-10-26T00:00:00Z"), None).is_err());
        assert!(of(Period::Hour, Some("2026-11-26T18:59:00Z"), None).is_ok());
        assert!(of(Period::Day, Some("2026-11-27T00:00:00Z"), None).is_err());
        assert!(of(Period::Day, Some("0001-01-01T00:00:00Z"), Some("9999-01-01T00:00:00Z")).is_err());
    }
}

//! What became of the runs of integrations, tenants and the platform: in a window, and in each hour or day of a series.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::rollup::{self, Owners, Span, Sums, length};
use super::window::{Series, window};
use crate::actor::Actor;
use crate::error::Result;
use crate::permission::Permission;
use crate::scope::Scope;

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

/// What became of the runs of integrations in a window that ends now; nothing of those that the caller may not see.
///
/// # Errors
/// Denied without `runs:read`; as [`check_window`](super::check_window).
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
/// Denied without `diagnostics:read`; as [`check_window`](super::check_window).
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
/// Denied without `runs:read`; [`Error::Argument`](crate::error::Error::Argument) for a series that is too long.
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
/// Denied without `diagnostics:read`; [`Error::Argument`](crate::error::Error::Argument) for a series that is too long.
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

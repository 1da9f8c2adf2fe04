//! Runs that ended, rolled up by the hour and the day in the transaction in which they end. `rollup/read.rs` sums them up
//! again.
//!
//! Counted are regular runs: those that read the source for the first time. Retries, backfills, reconciliations and probes
//! are left out, because each repeats or compares what a regular run is counted for. Each run ends in one transaction
//! behind its lease, so it is counted once, whoever ended it.

mod read;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, DurationRound, Utc};
use entity::health_rollup::{self, HealthPeriod};
use entity::run::{self, RunScope, RunStatus};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::durations::{Durations, WITHOUT_DURATION, class_of};
use crate::app::App;
use crate::error::{Doing, Result};
use crate::insert::upsert_rows;

pub(crate) use self::read::{Owners, points, points_of_integrations, totals};

/// How long hours are kept, in days: as far back as a window reaches.
pub(crate) const HOURS_KEPT_DAYS: i64 = 90;
/// How long days are kept: two years, so that a year can be compared with the one before.
pub(crate) const DAYS_KEPT_DAYS: i64 = 731;
/// Rows that one purge deletes of each kind: it keeps the transaction short, and is more than an hour of 2,000 busy
/// integrations leaves behind.
const PURGED_ROWS: u64 = 10_000;

/// What another end adds to a row that is there.
const ADDED: &str = "\
ON CONFLICT (integration_id, period, begins_at, duration_class) DO UPDATE SET \
 succeeded_count = health_rollup.succeeded_count + excluded.succeeded_count, \
 partial_count = health_rollup.partial_count + excluded.partial_count, \
 failed_count = health_rollup.failed_count + excluded.failed_count, \
 canceled_count = health_rollup.canceled_count + excluded.canceled_count, \
 duration_ms = health_rollup.duration_ms + excluded.duration_ms, \
 read_count = health_rollup.read_count + excluded.read_count, \
 created_count = health_rollup.created_count + excluded.created_count, \
 updated_count = health_rollup.updated_count + excluded.updated_count, \
 unchanged_count = health_rollup.unchanged_count + excluded.unchanged_count, \
 skipped_count = health_rollup.skipped_count + excluded.skipped_count, \
 failed_record_count = health_rollup.failed_record_count + excluded.failed_record_count";

/// A run with its counts as they are at its end, and what it ended as.
#[derive(Clone, Copy)]
pub(crate) struct Ended<'a> {
    /// Its row.
    pub(crate) run: &'a run::Model,
    /// SUCCEEDED, PARTIAL, FAILED or CANCELED.
    pub(crate) status: RunStatus,
}

impl Ended<'_> {
    /// It read its source from where its integration stands, as its regular runs and retries of those do: what it says is
    /// said of the integration.
    pub(crate) fn reads_source(self) -> bool {
        self.run.scope == RunScope::AllRecords
            && self.run.backfill_id.is_none()
            && self.run.reconciliation_id.is_none()
    }

    /// It is counted.
    fn is_regular(self) -> bool {
        self.reads_source() && self.run.retry_of_id.is_none() && self.run.retry_id.is_none()
    }

    /// It brought something home: all, or what did not fail.
    pub(crate) fn is_success(self) -> bool {
        match self.status {
            RunStatus::Succeeded => true,
            RunStatus::Partial => self.run.failed_count < self.run.read_count,
            _ => false,
        }
    }
}

/// Counts regular runs that end now, in one statement.
pub(crate) async fn count(
    connection: &DatabaseTransaction,
    ended: &[Ended<'_>],
    now: DateTime<Utc>,
) -> Result<()> {
    // In the order of their keys, so that batches that end together wait for each other and never in a circle.
    let mut rows: BTreeMap<(Uuid, HealthPeriod, DateTime<Utc>, i16), health_rollup::Model> = BTreeMap::new();
    for ended in ended.iter().filter(|ended| ended.is_regular()) {
        for period in [HealthPeriod::Hour, HealthPeriod::Day] {
            let row = row(*ended, period, now);
            rows.entry((row.integration_id, row.period, row.begins_at, row.duration_class))
                .and_modify(|sum| add(sum, &row))
                .or_insert(row);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    upsert_rows::<health_rollup::Entity>(connection, rows.into_values().collect(), ADDED, "counting runs")
        .await
}

fn row(ended: Ended<'_>, period: HealthPeriod, now: DateTime<Utc>) -> health_rollup::Model {
    let (run, status) = (ended.run, ended.status);
    let went_through = matches!(status, RunStatus::Succeeded | RunStatus::Partial);
    let duration = run
        .started_at
        .filter(|_started| went_through)
        .map(|started| (now - started).num_milliseconds().max(0));
    let one = |counted: RunStatus| i32::from(status == counted);
    health_rollup::Model {
        integration_id: run.integration_id,
        period,
        begins_at: begin(period, now),
        duration_class: duration.map_or(WITHOUT_DURATION, class_of),
        tenant_id: run.tenant_id,
        succeeded_count: one(RunStatus::Succeeded),
        partial_count: one(RunStatus::Partial),
        failed_count: one(RunStatus::Failed),
        canceled_count: one(RunStatus::Canceled),
        duration_ms: duration.unwrap_or_default(),
        read_count: run.read_count,
        created_count: run.created_count,
        updated_count: run.updated_count,
        unchanged_count: run.unchanged_count,
        skipped_count: run.skipped_count,
        failed_record_count: run.failed_count,
    }
}

fn add(sum: &mut health_rollup::Model, row: &health_rollup::Model) {
    sum.succeeded_count += row.succeeded_count;
    sum.partial_count += row.partial_count;
    sum.failed_count += row.failed_count;
    sum.canceled_count += row.canceled_count;
    sum.duration_ms += row.duration_ms;
    sum.read_count += row.read_count;
    sum.created_count += row.created_count;
    sum.updated_count += row.updated_count;
    sum.unchanged_count += row.unchanged_count;
    sum.skipped_count += row.skipped_count;
    sum.failed_record_count += row.failed_record_count;
}

/// The begin of the hour or day (UTC) of a time.
pub(crate) fn begin(period: HealthPeriod, at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(length(period)).unwrap_or(at)
}

/// How long a period is.
pub(crate) fn length(period: HealthPeriod) -> Duration {
    match period {
        HealthPeriod::Hour => Duration::hours(1),
        HealthPeriod::Day => Duration::days(1),
    }
}

/// Periods from a time on, itself included, and before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    /// Of which length.
    pub(crate) period: HealthPeriod,
    /// From.
    pub(crate) from: DateTime<Utc>,
    /// Before.
    pub(crate) before: DateTime<Utc>,
}

/// Runs and records of some periods, together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Runs that succeeded.
    pub(crate) succeeded: i64,
    /// Runs some of whose records failed.
    pub(crate) partial: i64,
    /// Runs that could not go on.
    pub(crate) failed: i64,
    /// Runs that were canceled.
    pub(crate) canceled: i64,
    /// Records read.
    pub(crate) read: i64,
    /// Records read by runs that went through.
    pub(crate) read_through: i64,
    /// Records the destination did not have.
    pub(crate) created: i64,
    /// Records the destination had with other values.
    pub(crate) updated: i64,
    /// Records the destination had already.
    pub(crate) unchanged: i64,
    /// Records the mapping left out.
    pub(crate) skipped: i64,
    /// Records that became failures.
    pub(crate) failed_records: i64,
    /// How long the runs took that went through.
    pub(crate) durations: Durations,
}

impl Sums {
    /// Runs that ended by themselves.
    pub(crate) fn ended(&self) -> i64 {
        self.succeeded + self.partial + self.failed
    }

    /// Of these the percentage that succeeded.
    pub(crate) fn success_percent(&self) -> Option<f64> {
        (self.ended() > 0).then(|| self.succeeded as f64 * 100.0 / self.ended() as f64)
    }

    /// Adds all of another one.
    pub(crate) fn add_all(&mut self, other: &Self) {
        self.succeeded += other.succeeded;
        self.partial += other.partial;
        self.failed += other.failed;
        self.canceled += other.canceled;
        self.read += other.read;
        self.read_through += other.read_through;
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.skipped += other.skipped;
        self.failed_records += other.failed_records;
        self.durations.add_all(&other.durations);
    }
}

/// Deletes some of the hours and days that are not kept any more. Answers with how many rows.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(crate) async fn purge(app: &App) -> Result<u64> {
    use health_rollup::Column;
    let now = app.clock().now();
    let mut purged = 0;
    for (period, kept_days) in [(HealthPeriod::Hour, HOURS_KEPT_DAYS), (HealthPeriod::Day, DAYS_KEPT_DAYS)] {
        let end = |order: sea_orm::Order, skipped: u64| {
            health_rollup::Entity::find()
                .select_only()
                .column(Column::BeginsAt)
                .filter(Column::Period.eq(period))
                .filter(Column::BeginsAt.lt(now - Duration::days(kept_days)))
                .order_by(Column::BeginsAt, order)
                .offset(skipped)
                .limit(1)
                .into_tuple::<DateTime<Utc>>()
                .one(app.across_tenants().writer())
        };
        // The begin of the last row that is deleted, or of the newest that is too old.
        let until =
            match end(sea_orm::Order::Asc, PURGED_ROWS).await.doing("looking for old hours and days")? {
                Some(until) => Some(until),
                None => end(sea_orm::Order::Desc, 0).await.doing("looking for old hours and days")?,
            };
        let Some(until) = until else { continue };
        let deleted = health_rollup::Entity::delete_many()
            .filter(Column::Period.eq(period))
            .filter(Column::BeginsAt.lte(until))
            .exec(app.across_tenants().writer())
            .await
            .doing("deleting old hours and days")?;
        purged += deleted.rows_affected;
    }
    Ok(purged)
}

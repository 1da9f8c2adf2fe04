//! What runs cost, for staff: support reads where the time went, engineers also the memory. What a worker adds stands in
//! `background/metric.rs`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::run_metric::{self, Model};
use sea_orm::ColumnTrait;
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::Result;
use crate::permission::Permission;
use crate::run::Run;

/// What a run cost until it was last stored: each ten seconds while it runs, and when an attempt ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunMetrics {
    /// Time that workers spent, in milliseconds; of slices side by side, all of them.
    pub worked_ms: i64,
    /// Time in which the source was waited for, in milliseconds.
    pub source_wait_ms: i64,
    /// Time in which the destination was waited for, in milliseconds.
    pub destination_wait_ms: i64,
    /// Time in which records were mapped and checked, in milliseconds.
    pub mapping_ms: i64,
    /// Time in which results were stored, in milliseconds.
    pub storing_ms: i64,
    /// Part of the waits: requests were held back, in milliseconds.
    pub throttled_ms: i64,
    /// Pages accounted.
    pub page_count: i64,
    /// Size of what was read from outside, in bytes.
    pub read_bytes: i64,
    /// Size of the records that were sent to the destination, in bytes.
    pub written_bytes: i64,
    /// Calls to outside systems beyond the first attempt.
    pub retry_count: i64,
    /// Claims by workers, the first included.
    pub attempt_count: i64,
    /// Workers that were lost with it.
    pub taken_over_count: i64,
    /// The most memory that the process of a worker had meanwhile, in bytes. Audience ENGINEER.
    pub peak_memory_bytes: Option<i64>,
    /// When it was last added to.
    pub updated_at: DateTime<Utc>,
}

impl RunMetrics {
    /// Records a second, from the start of a run to its end; of one that goes on, to where this was stored. `None` for one
    /// that took no time.
    pub fn records_per_second(&self, run: &Run) -> Option<f64> {
        let until = run.finished_at.unwrap_or(self.updated_at);
        let milliseconds = (until - run.started_at?).num_milliseconds();
        (milliseconds > 0).then(|| run.read_count as f64 * 1_000.0 / milliseconds as f64)
    }
}

/// What these runs cost; nothing for those that no worker has had for long enough.
///
/// # Errors
/// Denied without `diagnostics:read`.
pub async fn by_runs(actor: &Actor, runs: &[Uuid]) -> Result<HashMap<Uuid, RunMetrics>> {
    let scope = actor.authorize(Permission::DiagnosticsRead)?;
    let rows = scope
        .find::<run_metric::Entity>()
        .filter(run_metric::Column::RunId.is_in(runs.iter().copied()))
        .all()
        .await?;
    let sees_memory = actor.may(Permission::InternalsRead);
    Ok(rows.into_iter().map(|row| (row.run_id, view(row, sees_memory))).collect())
}

fn view(row: Model, sees_memory: bool) -> RunMetrics {
    RunMetrics {
        worked_ms: row.worked_ms,
        source_wait_ms: row.source_wait_ms,
        destination_wait_ms: row.destination_wait_ms,
        mapping_ms: row.mapping_ms,
        storing_ms: row.storing_ms,
        throttled_ms: row.throttled_ms,
        page_count: row.page_count,
        read_bytes: row.read_bytes,
        written_bytes: row.written_bytes,
        retry_count: row.retry_count,
        attempt_count: row.resumed_count + 1,
        taken_over_count: row.taken_over_count,
        peak_memory_bytes: row.peak_memory_bytes.filter(|_bytes| sees_memory),
        updated_at: row.updated_at,
    }
}

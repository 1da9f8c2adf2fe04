//! What a run costs, measured by whoever has it and added to its row: by the heart that beats beside it, and by the
//! transaction that ends an attempt. A page pays nothing for it but a few additions. Deliberately absent: what an attempt
//! measured that lost its lease after its last heartbeat.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::run_metric::{self, Column};
use pipeline::{AccountedPage, StreamProgress};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, SimpleExpr};
use sea_orm::{ConnectionTrait, EntityTrait};
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::{Doing, Result};
use crate::scope::all_set;

/// How often a run that goes on stores what it costs: a person who looks at it sees it move, and it is one small statement.
const STORE_INTERVAL: Duration = Duration::from_secs(10);

/// Columns that are added to.
const SUMS: [Column; 12] = [
    Column::WorkedMs,
    Column::SourceWaitMs,
    Column::DestinationWaitMs,
    Column::MappingMs,
    Column::StoringMs,
    Column::ThrottledMs,
    Column::PageCount,
    Column::ReadBytes,
    Column::WrittenBytes,
    Column::RetryCount,
    Column::ResumedCount,
    Column::TakenOverCount,
];

/// Measures one attempt.
pub(super) struct Meter {
    began: Instant,
    pub(super) progress: StreamProgress,
    page_count: AtomicU64,
    read_bytes: AtomicU64,
    written_bytes: AtomicU64,
    retry_count: AtomicU64,
    memory_bytes: AtomicU64,
    stored: Mutex<Stored>,
}

#[derive(Clone, Copy, Default)]
struct Stored {
    measured: Measured,
    at: Option<Instant>,
}

/// What was measured until a moment: milliseconds, bytes and counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measured {
    worked_ms: u64,
    source_wait_ms: u64,
    destination_wait_ms: u64,
    mapping_ms: u64,
    storing_ms: u64,
    throttled_ms: u64,
    page_count: u64,
    read_bytes: u64,
    written_bytes: u64,
    retry_count: u64,
}

impl Meter {
    pub(super) fn start() -> Self {
        Self {
            began: Instant::now(),
            progress: StreamProgress::default(),
            page_count: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            retry_count: AtomicU64::new(0),
            memory_bytes: AtomicU64::new(0),
            stored: Mutex::default(),
        }
    }

    /// A page is about to be accounted.
    pub(super) fn saw_page(&self, page: &AccountedPage) {
        self.page_count.fetch_add(1, Ordering::Relaxed);
        self.read_bytes.fetch_add(page.size_bytes, Ordering::Relaxed);
        self.written_bytes.fetch_add(page.written_bytes, Ordering::Relaxed);
    }

    /// The engine calls an outside system once more.
    pub(super) fn saw_retry(&self) {
        self.retry_count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn saw_memory(&self, bytes: u64) {
        self.memory_bytes.fetch_max(bytes, Ordering::Relaxed);
    }

    /// Whether a run that goes on is to store what it costs.
    pub(super) fn is_due(&self) -> bool {
        self.stored().at.is_none_or(|at| at.elapsed() >= STORE_INTERVAL)
    }

    fn measured(&self) -> Measured {
        let milliseconds = |spent: Duration| u64::try_from(spent.as_millis()).unwrap_or(u64::MAX);
        let (source, destination) = (self.progress.source.spent(), self.progress.destination.spent());
        Measured {
            worked_ms: milliseconds(self.began.elapsed()),
            source_wait_ms: milliseconds(source.waited),
            destination_wait_ms: milliseconds(destination.waited),
            mapping_ms: milliseconds(self.progress.mapping.spent().waited),
            storing_ms: milliseconds(self.progress.storing.spent().waited),
            throttled_ms: milliseconds(source.rested + destination.rested),
            page_count: self.page_count.load(Ordering::Relaxed),
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
            written_bytes: self.written_bytes.load(Ordering::Relaxed),
            retry_count: self.retry_count.load(Ordering::Relaxed)
                + source.retry_count
                + destination.retry_count,
        }
    }

    /// What is to be added to the run's row, and what to remember with [`Meter::was_stored`] once it is committed.
    pub(super) fn take(
        &self,
        tenant_id: Uuid,
        run_id: Uuid,
        now: DateTime<Utc>,
    ) -> (run_metric::Model, Measured) {
        let (measured, before) = (self.measured(), self.stored().measured);
        let added = |now: u64, before: u64| i64::try_from(now.saturating_sub(before)).unwrap_or(i64::MAX);
        let memory = self.memory_bytes.load(Ordering::Relaxed);
        let row = run_metric::Model {
            worked_ms: added(measured.worked_ms, before.worked_ms),
            source_wait_ms: added(measured.source_wait_ms, before.source_wait_ms),
            destination_wait_ms: added(measured.destination_wait_ms, before.destination_wait_ms),
            mapping_ms: added(measured.mapping_ms, before.mapping_ms),
            storing_ms: added(measured.storing_ms, before.storing_ms),
            throttled_ms: added(measured.throttled_ms, before.throttled_ms),
            page_count: added(measured.page_count, before.page_count),
            read_bytes: added(measured.read_bytes, before.read_bytes),
            written_bytes: added(measured.written_bytes, before.written_bytes),
            retry_count: added(measured.retry_count, before.retry_count),
            peak_memory_bytes: (memory > 0).then(|| i64::try_from(memory).unwrap_or(i64::MAX)),
            ..nothing(tenant_id, run_id, now)
        };
        (row, measured)
    }

    /// What [`Meter::take`] gave is committed.
    pub(super) fn was_stored(&self, measured: Measured) {
        *self.lock() = Stored { measured, at: Some(Instant::now()) };
    }

    fn stored(&self) -> Stored {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row that adds nothing.
fn nothing(tenant_id: Uuid, run_id: Uuid, now: DateTime<Utc>) -> run_metric::Model {
    run_metric::Model {
        tenant_id,
        run_id,
        worked_ms: 0,
        source_wait_ms: 0,
        destination_wait_ms: 0,
        mapping_ms: 0,
        storing_ms: 0,
        throttled_ms: 0,
        page_count: 0,
        read_bytes: 0,
        written_bytes: 0,
        retry_count: 0,
        resumed_count: 0,
        taken_over_count: 0,
        peak_memory_bytes: None,
        updated_at: now,
    }
}

/// A claim of a run beyond its first.
pub(super) fn resumed(tenant_id: Uuid, run_id: Uuid, now: DateTime<Utc>) -> run_metric::Model {
    run_metric::Model { resumed_count: 1, ..nothing(tenant_id, run_id, now) }
}

/// A worker was lost with it.
pub(super) fn taken_over(tenant_id: Uuid, run_id: Uuid, now: DateTime<Utc>) -> run_metric::Model {
    run_metric::Model { taken_over_count: 1, ..nothing(tenant_id, run_id, now) }
}

/// Adds these to what is there, in one statement. Last in its transaction: slices of a run wait for each other from here on.
#[expect(clippy::disallowed_methods, reason = "an upsert of rows that name their tenants")]
pub(super) async fn add(connection: &impl ConnectionTrait, rows: Vec<run_metric::Model>) -> Result<()> {
    // A statement may touch a row once, and locks rows in the order of their ids.
    let mut by_run: BTreeMap<Uuid, run_metric::Model> = BTreeMap::new();
    for row in rows {
        match by_run.get_mut(&row.run_id) {
            Some(sum) => *sum = plus(sum, &row),
            None => {
                by_run.insert(row.run_id, row);
            }
        }
    }
    if by_run.is_empty() {
        return Ok(());
    }
    let here = |column: Column| Expr::col((run_metric::Entity, column));
    let added = |column: Column| Expr::col(("excluded", column));
    let mut on_conflict = OnConflict::columns([Column::TenantId, Column::RunId]);
    on_conflict.values(SUMS.map(|column| (column, here(column).add(added(column)))));
    let peak = Column::PeakMemoryBytes;
    let larger: SimpleExpr = Expr::case(here(peak).is_null().or(added(peak).gt(here(peak))), added(peak))
        .finally(here(peak))
        .into();
    on_conflict.value(peak, larger).update_column(Column::UpdatedAt);
    run_metric::Entity::insert_many(by_run.into_values().map(all_set::<run_metric::Entity>))
        .on_conflict(on_conflict)
        .exec_without_returning(connection)
        .await
        .doing("storing what runs cost")?;
    Ok(())
}

fn plus(one: &run_metric::Model, other: &run_metric::Model) -> run_metric::Model {
    run_metric::Model {
        tenant_id: one.tenant_id,
        run_id: one.run_id,
        worked_ms: one.worked_ms + other.worked_ms,
        source_wait_ms: one.source_wait_ms + other.source_wait_ms,
        destination_wait_ms: one.destination_wait_ms + other.destination_wait_ms,
        mapping_ms: one.mapping_ms + other.mapping_ms,
        storing_ms: one.storing_ms + other.storing_ms,
        throttled_ms: one.throttled_ms + other.throttled_ms,
        page_count: one.page_count + other.page_count,
        read_bytes: one.read_bytes + other.read_bytes,
        written_bytes: one.written_bytes + other.written_bytes,
        retry_count: one.retry_count + other.retry_count,
        resumed_count: one.resumed_count + other.resumed_count,
        taken_over_count: one.taken_over_count + other.taken_over_count,
        peak_memory_bytes: Ord::max(one.peak_memory_bytes, other.peak_memory_bytes),
        updated_at: Ord::max(one.updated_at, other.updated_at),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::{Meter, nothing, plus, resumed, taken_over};

    #[test]
    fn what_was_stored_is_not_added_again_and_what_was_not_committed_is() {
        let meter = Meter::start();
        let (id, now) = (Uuid::nil(), DateTime::UNIX_EPOCH);
        assert!(meter.is_due(), "the first heartbeat stores");
        meter.saw_retry();
        let (row, measured) = meter.take(id, id, now);
        assert_eq!((row.retry_count, row.peak_memory_bytes), (1, None));
        meter.saw_retry();
        let (row, _) = meter.take(id, id, now);
        assert_eq!(row.retry_count, 2, "the first was rolled back");
        meter.was_stored(measured);
        assert!(!meter.is_due());
        meter.saw_memory(7);
        meter.saw_memory(5);
        let (row, measured) = meter.take(id, id, now);
        assert_eq!((row.retry_count, row.peak_memory_bytes), (1, Some(7)));
        meter.was_stored(measured);
        assert_eq!(meter.take(id, id, now).0.retry_count, 0);
    }

    #[test]
    fn rows_of_one_run_become_one() {
        let (id, now) = (Uuid::nil(), DateTime::UNIX_EPOCH);
        let sum = plus(&resumed(id, id, now), &plus(&resumed(id, id, now), &taken_over(id, id, now)));
        assert_eq!((sum.resumed_count, sum.taken_over_count, sum.worked_ms), (2, 1, 0));
        let large = entity::run_metric::Model { peak_memory_bytes: Some(9), ..nothing(id, id, now) };
        assert_eq!(plus(&sum, &large).peak_memory_bytes, Some(9));
    }
}

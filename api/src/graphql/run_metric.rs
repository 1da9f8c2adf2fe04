//! What a run cost.

use async_graphql::SimpleObject;
use domain::run::Run;
use domain::run_metric;

use super::scalar::{BigInt, DateTime};

/// What a run cost, over all its attempts and slices, until it was last stored.
#[derive(Clone, Debug, SimpleObject)]
pub struct RunMetrics {
    /// Time that workers spent, in milliseconds; of slices side by side, all of them. Without waits between attempts.
    worked_ms: BigInt,
    /// Time in which the source was waited for, in milliseconds. Waits overlap: a page is read while another is written.
    source_wait_ms: BigInt,
    /// Time in which the destination was waited for, in milliseconds.
    destination_wait_ms: BigInt,
    /// Time in which records were mapped and checked, in milliseconds.
    mapping_ms: BigInt,
    /// Time in which results were stored, in milliseconds.
    storing_ms: BigInt,
    /// Part of the waits for source and destination: requests were held back by a rate limit, because the other side asked
    /// for it, or between two attempts at one record, in milliseconds.
    throttled_ms: BigInt,
    /// Records read a second, from the start of the run to its end; null for one that took no time.
    records_per_second: Option<f64>,
    /// Pages accounted.
    page_count: BigInt,
    /// Size of what was read from outside, in bytes.
    read_bytes: BigInt,
    /// Size of the records that were sent to the destination, in bytes of their fields and values.
    written_bytes: BigInt,
    /// Calls to outside systems beyond the first attempt.
    retry_count: BigInt,
    /// How often a worker took it up, the first time included; each slice counts.
    attempt_count: BigInt,
    /// Workers that were lost with it: it went on elsewhere.
    taken_over_count: BigInt,
    /// The most memory that the process of a worker had while it had the run, in bytes: with all else that it did
    /// meanwhile. Null where nobody can tell. Audience ENGINEER; null for others.
    peak_memory_bytes: Option<BigInt>,
    /// When it was last stored.
    updated_at: DateTime,
}

impl RunMetrics {
    pub(super) fn of(metrics: run_metric::RunMetrics, run: &Run) -> Self {
        Self {
            records_per_second: metrics.records_per_second(run),
            worked_ms: metrics.worked_ms.into(),
            source_wait_ms: metrics.source_wait_ms.into(),
            destination_wait_ms: metrics.destination_wait_ms.into(),
            mapping_ms: metrics.mapping_ms.into(),
            storing_ms: metrics.storing_ms.into(),
            throttled_ms: metrics.throttled_ms.into(),
            page_count: metrics.page_count.into(),
            read_bytes: metrics.read_bytes.into(),
            written_bytes: metrics.written_bytes.into(),
            retry_count: metrics.retry_count.into(),
            attempt_count: metrics.attempt_count.into(),
            taken_over_count: metrics.taken_over_count.into(),
            peak_memory_bytes: metrics.peak_memory_bytes.map(Into::into),
            updated_at: metrics.updated_at.into(),
        }
    }
}

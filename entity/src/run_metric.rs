//! What a run cost: time, bytes, pages, retries and memory, over all its attempts and slices.

use sea_orm::entity::prelude::*;

/// A row of `run_metric`. Every number but the last is a sum, which workers add to.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "run_metric")]
pub struct Model {
    /// The tenant that owns it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The run.
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: Uuid,
    /// Time that workers spent on it, in milliseconds; of slices side by side, all of them.
    pub worked_ms: i64,
    /// Time in which the source was waited for, in milliseconds.
    pub source_wait_ms: i64,
    /// Time in which the destination was waited for, in milliseconds.
    pub destination_wait_ms: i64,
    /// Time in which records were mapped and checked, in milliseconds.
    pub mapping_ms: i64,
    /// Time in which results were stored, in milliseconds.
    pub storing_ms: i64,
    /// Part of the waits for source and destination: requests were held back, in milliseconds.
    pub throttled_ms: i64,
    /// Pages accounted.
    pub page_count: i64,
    /// Size of what was read from outside, in bytes.
    pub read_bytes: i64,
    /// Size of the records that were sent to the destination, in bytes.
    pub written_bytes: i64,
    /// Calls to outside systems beyond the first attempt.
    pub retry_count: i64,
    /// Claims beyond the first: of slices, and after the job was given back or its worker lost.
    pub resumed_count: i64,
    /// Workers that were lost with it.
    pub taken_over_count: i64,
    /// The most memory that the process of a worker had while it had the run, in bytes; `None` where nobody can tell.
    pub peak_memory_bytes: Option<i64>,
    /// When it was last added to.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

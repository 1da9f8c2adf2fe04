//! What came of comparing one stream.

use sea_orm::entity::prelude::*;

use crate::reconciliation::ReconciliationOutcome;

/// A row of `reconciliation_stream`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reconciliation_stream")]
pub struct Model {
    /// The tenant that owns it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The reconciliation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub reconciliation_id: Uuid,
    /// Name of the stream.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: String,
    /// What came of it.
    pub outcome: ReconciliationOutcome,
    /// What is unknown, or can't be repaired, and why; in words for people.
    pub reason: Option<String>,
    /// Items that the source gave.
    pub read_count: i64,
    /// Records that the mapping left out, or that a newer version replaced.
    pub left_out_count: i64,
    /// Items that are no record that could be written.
    pub refused_count: i64,
    /// Records that could be at the destination.
    pub source_count: i64,
    /// Those whose key is there.
    pub destination_count: i64,
    /// Those that are there as they are.
    pub matched_count: i64,
    /// Those that were moved, and whose key is not there.
    pub missing_count: i64,
    /// Those that were moved, and are something else there.
    pub different_count: i64,
    /// Those that a failure explains which is not over.
    pub failing_count: i64,
    /// Those that no run has moved so far.
    pub not_moved_count: i64,
    /// Records that were moved, are there still, and are gone from the source; `None` where that can't be told.
    pub extra_count: Option<i64>,
    /// Rows of the destination that are none of all these; `None` where it does not count.
    pub other_count: Option<i64>,
    /// Checksum of the keys of the source's records; 32 hex digits, like the others.
    pub source_keys: String,
    /// Of those keys that are at the destination.
    pub destination_keys: String,
    /// Of the source's records, as they are mapped.
    pub source_records: String,
    /// Of those records that are at the destination as they are.
    pub destination_records: String,
    /// When it was compared.
    pub finished_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

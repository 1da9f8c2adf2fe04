//! A part of a stream of a run, which a worker reads while others read other parts.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `run_slice`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "run_slice")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The run.
    pub run_id: Uuid,
    /// Name of the stream.
    pub stream: String,
    /// Its place among those of the stream, from 1.
    pub ordinal: i32,
    /// Which part of the source it is, in the connector's own terms.
    #[sea_orm(column_type = "JsonBinary")]
    pub part: Json,
    /// No receipt of the stream existed when it was divided.
    pub fresh: bool,
    /// How it ended.
    pub status: SliceStatus,
    /// Cursor after the last page that was accounted.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub checkpoint: Option<Json>,
    /// What the quality gate has counted of it: `pipeline::GateCounts`; `None` before the first page.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub gate: Option<Json>,
    /// Pages accounted.
    pub page_count: i64,
    /// Records read.
    pub read_count: i64,
    /// Records the destination did not have.
    pub created_count: i64,
    /// Records the destination had with other values.
    pub updated_count: i64,
    /// Records the destination had already.
    pub unchanged_count: i64,
    /// Records the mapping left out.
    pub skipped_count: i64,
    /// Records that became failures.
    pub failed_count: i64,
    /// FAILED: why it could not go on, for the failure of the run.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub failure: Option<Json>,
    /// When the stream was divided.
    pub created_at: DateTimeUtc,
    /// When a worker first took it.
    pub started_at: Option<DateTimeUtc>,
    /// When its outcome was written.
    pub finished_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How a slice ended. Whether an open one waits or runs is its job's to say.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SliceStatus {
    /// It has not ended.
    Open,
    /// It was read to its end.
    Finished,
    /// It could not go on, and the run can't either.
    Failed,
    /// The run was canceled, or another slice could not go on.
    Stopped,
}

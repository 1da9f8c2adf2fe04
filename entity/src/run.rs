//! One execution of an integration, with counts that balance.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `run`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "run")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// What it executes.
    pub integration_id: Uuid,
    /// How far it is.
    pub status: RunStatus,
    /// What started it.
    pub trigger: RunTrigger,
    /// Who or what started it, in words a customer understands.
    pub triggered_by: String,
    /// Which records it reads.
    pub scope: RunScope,
    /// The run whose failures this one retries.
    pub retry_of_id: Option<Uuid>,
    /// The retry that this run is a part of.
    pub retry_id: Option<Uuid>,
    /// The backfill whose range it reads.
    pub backfill_id: Option<Uuid>,
    /// The reconciliation that it does: it compares, and moves nothing.
    pub reconciliation_id: Option<Uuid>,
    /// When it was asked for.
    pub queued_at: DateTimeUtc,
    /// When a worker first took it.
    pub started_at: Option<DateTimeUtc>,
    /// When its outcome was written.
    pub finished_at: Option<DateTimeUtc>,
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
    /// Records that are gone from the source, and were deleted or marked at the destination.
    pub deleted_count: i64,
    /// Why a FAILED run failed as a whole.
    pub failure_id: Option<Uuid>,
    /// OpenTelemetry trace id, 32 hex digits.
    pub trace_id: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How far a run is.
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
pub enum RunStatus {
    /// It waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Every record arrived.
    Succeeded,
    /// Some records failed.
    Partial,
    /// It could not go on.
    Failed,
    /// It was canceled.
    Canceled,
    /// Every failure of it is dealt with.
    Recovered,
}

/// What started a run.
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
pub enum RunTrigger {
    /// A person or a program, by `startRun`.
    Manual,
    /// The integration's schedule.
    Schedule,
    /// A call from outside.
    Webhook,
    /// A retry of failures or of a run.
    Retry,
    /// A backfill.
    Backfill,
    /// A probe.
    Synthetic,
}

/// Which records a run reads.
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
pub enum RunScope {
    /// From the source.
    AllRecords,
    /// The stored records of failures that point to it.
    FailedRecords,
}

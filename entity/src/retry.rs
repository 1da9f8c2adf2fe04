//! A bulk retry: durable, with progress and cancel.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `retry`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "retry")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// How far it is.
    pub status: RetryStatus,
    /// Who asked for it.
    pub requested_by: String,
    /// Failures it took.
    pub total: i64,
    /// Failures it resolved.
    pub resolved: i64,
    /// Failures that failed again or were let go by a cancel.
    pub failed: i64,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it ended.
    pub finished_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How far a retry is.
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
pub enum RetryStatus {
    /// No run of it has started.
    Queued,
    /// It is at work.
    Running,
    /// Every failure of it was tried.
    Completed,
    /// It was canceled; what is done stays.
    Canceled,
}

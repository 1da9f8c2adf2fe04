//! How long a group of failures waited for the operator, against what was promised.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `sla_clock`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sla_clock")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The group.
    pub group_id: Uuid,
    /// Of which beginning of the group.
    pub episode: i32,
    /// What is measured.
    pub kind: SlaKind,
    /// When the group began.
    pub started_at: DateTimeUtc,
    /// How long it may run.
    pub target_ms: i64,
    /// After how long somebody is warned.
    pub warn_ms: i64,
    /// How long it ran until it was paused last.
    pub spent_ms: i64,
    /// Since when it runs; `None` while it is paused, and when it has ended.
    pub running_since: Option<DateTimeUtc>,
    /// When the time is up if it goes on running; `None` as `running_since`.
    pub due_at: Option<DateTimeUtc>,
    /// When somebody was warned.
    pub warned_at: Option<DateTimeUtc>,
    /// What came of it; `None` while that is open, and where the group was merged into another.
    pub outcome: Option<SlaOutcome>,
    /// When it ended.
    pub ended_at: Option<DateTimeUtc>,
    /// By what.
    pub ended_by: Option<SlaEnd>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a clock measures.
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
pub enum SlaKind {
    /// Until somebody has done something.
    Response,
    /// Until it is over.
    Resolution,
}

/// What came of a clock.
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
pub enum SlaOutcome {
    /// It ended in time.
    Met,
    /// The time was up.
    Breached,
}

/// What ended a clock.
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
pub enum SlaEnd {
    /// Somebody is at it.
    Acknowledged,
    /// Somebody handed it over.
    HandedOver,
    /// Somebody said something.
    Commented,
    /// Somebody retried failures of it.
    Retried,
    /// Somebody wants to hear of it later.
    Snoozed,
    /// It is over.
    Resolved,
    /// Nobody wants to hear of it.
    Ignored,
    /// It became a part of another group, whose clocks go on.
    Merged,
}

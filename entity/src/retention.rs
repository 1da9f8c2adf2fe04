//! How long something of a tenant is kept, and how far deleting it has come.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `retention`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "retention")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// What is kept.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: RetentionKind,
    /// For how many days; `None` for what the setting says.
    pub days: Option<i32>,
    /// When a sweep looks at it next.
    pub next_at: DateTimeUtc,
    /// When sweeps last began at the oldest.
    pub round_at: DateTimeUtc,
    /// The time of the last row that was looked at; `None`: the next sweep begins at the oldest.
    pub position_at: Option<DateTimeUtc>,
    /// Its id.
    pub position_id: Option<Uuid>,
    /// Records of failures that were dealt with before this time were announced to go; `None`: none yet.
    pub told_until: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What is kept for a time.
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
pub enum RetentionKind {
    /// Runs that have ended, with all that is of them.
    Runs,
    /// Failures that are dealt with.
    Failures,
    /// Their records, and the requests that they came of.
    Records,
    /// Lines of the log.
    LogLines,
}

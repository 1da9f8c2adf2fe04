//! When an integration missed a target, and until when.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `health_alert`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "health_alert")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The integration.
    pub integration_id: Uuid,
    /// Which target.
    pub kind: AlertKind,
    /// What was measured when it was opened, in the kind's unit.
    pub observed: f64,
    /// What was to be at least, or at most.
    pub expected: f64,
    /// When it was seen.
    pub opened_at: DateTimeUtc,
    /// When it was over.
    pub closed_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Which target was missed.
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
pub enum AlertKind {
    /// Runs that succeed, in percent.
    SuccessRate,
    /// How long runs take at the 95th percentile, in milliseconds.
    Latency,
    /// How old the newest success is, in seconds.
    Freshness,
    /// Records read in a day.
    Volume,
}

//! What became of the runs of an integration that ended in an hour or a day, by how long they took.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `health_rollup`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "health_rollup")]
pub struct Model {
    /// The integration.
    #[sea_orm(primary_key, auto_increment = false)]
    pub integration_id: Uuid,
    /// Hour or day.
    #[sea_orm(primary_key, auto_increment = false)]
    pub period: HealthPeriod,
    /// Its begin, in UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub begins_at: DateTimeUtc,
    /// How long these runs took: eight classes for each doubling of the milliseconds; -1 for those that did not go through.
    #[sea_orm(primary_key, auto_increment = false)]
    pub duration_class: i16,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// Runs of which every record arrived.
    pub succeeded_count: i32,
    /// Runs of which some records failed.
    pub partial_count: i32,
    /// Runs that could not go on.
    pub failed_count: i32,
    /// Runs that were canceled.
    pub canceled_count: i32,
    /// How long the runs of a class took together, in milliseconds.
    pub duration_ms: i64,
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
    pub failed_record_count: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What runs are rolled up by.
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
pub enum HealthPeriod {
    /// An hour.
    Hour,
    /// A day.
    Day,
}

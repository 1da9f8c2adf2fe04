//! A page that the quality gate kept from being written, and what a person decided about it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `quarantine`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantine")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// What is held for it.
    pub integration_id: Uuid,
    /// The run that found it.
    pub run_id: Uuid,
    /// Name of the stream.
    pub stream: String,
    /// How far it is.
    pub status: QuarantineStatus,
    /// What the gate found.
    pub rule: QuarantineRule,
    /// The field that it is about.
    pub field: Option<String>,
    /// What was measured, in the unit of the rule.
    pub measured: f64,
    /// What is allowed, in the same unit.
    pub allowed: f64,
    /// In words for people.
    pub reason: String,
    /// Records that would have been written, and were not.
    pub record_count: i64,
    /// Records that the gate had counted until then.
    pub judged_count: i64,
    /// How many of these failed by themselves.
    pub failed_count: i64,
    /// When it was found.
    pub created_at: DateTimeUtc,
    /// When it was decided.
    pub decided_at: Option<DateTimeUtc>,
    /// Who decided, in words a customer understands.
    pub decided_by: Option<String>,
    /// What they said about it.
    pub note: Option<String>,
    /// The retry that brings the records home, of a released one that had any.
    pub retry_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How far a quarantine is.
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
pub enum QuarantineStatus {
    /// Somebody must decide.
    Held,
    /// Its records are written.
    Released,
    /// Its records are left out.
    Discarded,
}

/// What the quality gate found.
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
pub enum QuarantineRule {
    /// Too many records failed by themselves, in percent of those that were looked at.
    FailedRecords,
    /// Fewer records than in the runs before, in percent of their median.
    VolumeLow,
    /// More records than in the runs before, in percent of their median.
    VolumeHigh,
    /// A field is null in too many records, in percent of those that were looked at.
    NullRate,
}

//! What came of a test record that went the whole way of an integration.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `synthetic_result`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "synthetic_result")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The integration that was tried.
    pub integration_id: Uuid,
    /// Name of the stream.
    pub stream: String,
    /// Whether the record went the whole way.
    pub status: SyntheticStatus,
    /// Where it failed.
    pub stage: Option<SyntheticStage>,
    /// Why, of the error catalogue.
    pub code: Option<String>,
    /// What marked the record.
    pub mark: String,
    /// The destination was asked for the record, and had it as it was written.
    pub is_verified: bool,
    /// The record is not at the destination any more, or never was.
    pub is_removed: bool,
    /// How long each stage took, in their order.
    #[sea_orm(column_type = "JsonBinary")]
    pub durations: StageDurationList,
    /// Who asked for it, in words a customer understands.
    pub triggered_by: String,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// When it ended.
    pub finished_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// How long the stages of a test record took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct StageDurationList(pub Vec<StageDuration>);

/// How long a stage took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageDuration {
    /// Which.
    pub stage: SyntheticStage,
    /// In milliseconds.
    pub ms: i64,
}

/// Whether a test record went the whole way.
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
pub enum SyntheticStatus {
    /// It did.
    Passed,
    /// It did not.
    Failed,
}

/// A part of the way of a test record.
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
pub enum SyntheticStage {
    /// Its key, and the mapping.
    Map,
    /// The record rules.
    Validate,
    /// Writing it.
    Write,
    /// Asking the destination for it.
    ReadBack,
    /// Comparing what is there with what was written.
    Compare,
    /// Removing it, and asking whether it is gone.
    Remove,
}

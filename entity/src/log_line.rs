//! A line that the program logged about a tenant, in a run or beside it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `log_line`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "log_line")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that it is about.
    pub tenant_id: Uuid,
    /// The run in which it was logged.
    pub run_id: Option<Uuid>,
    /// The integration that it is about.
    pub integration_id: Option<Uuid>,
    /// The system that it is about.
    pub system_id: Option<Uuid>,
    /// When it was logged.
    pub at: DateTimeUtc,
    /// How much it matters.
    pub level: LogLevel,
    /// The part of the program that logged it, e.g. `pipeline::stream::writer`.
    pub component: String,
    /// In words for engineers.
    pub message: String,
    /// Its fields, an object.
    #[sea_orm(column_type = "JsonBinary")]
    pub attributes: Json,
}

impl ActiveModelBehavior for ActiveModel {}

/// How much a line matters.
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
pub enum LogLevel {
    /// For whoever looks for a fault.
    Debug,
    /// One line an operation.
    Info,
    /// Something went wrong, and recovered.
    Warn,
    /// Somebody must act.
    Error,
}

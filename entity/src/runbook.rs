//! What staff do about a failure, by code, connector or integration.

use sea_orm::entity::prelude::*;

/// A row of `runbook`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "runbook")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant of the integration; `None` without one.
    pub tenant_id: Option<Uuid>,
    /// The code of the error catalogue that it is about.
    pub code: Option<String>,
    /// Name of the connector that it is about.
    pub connector: Option<String>,
    /// The integration that it is about.
    pub integration_id: Option<Uuid>,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Grows by one with each change.
    pub version: i32,
    /// It is to be reviewed so often; `None`: never.
    pub review_interval_days: Option<i32>,
    /// When the next review is due.
    pub review_due_at: Option<DateTimeUtc>,
    /// When somebody last said that it is right.
    pub last_reviewed_at: Option<DateTimeUtc>,
    /// Name of who said so.
    pub last_reviewed_by: Option<String>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When this version was written.
    pub updated_at: DateTimeUtc,
    /// Name of who wrote this version.
    pub updated_by: String,
}

impl ActiveModelBehavior for ActiveModel {}

//! What a runbook said before it was changed.

use sea_orm::entity::prelude::*;

/// A row of `runbook_version`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "runbook_version")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// As of the runbook.
    pub tenant_id: Option<Uuid>,
    /// Of which runbook.
    pub runbook_id: Uuid,
    /// Its number; unique in the runbook.
    pub version: i32,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// When it was written.
    pub written_at: DateTimeUtc,
    /// Name of who wrote it.
    pub written_by: String,
}

impl ActiveModelBehavior for ActiveModel {}

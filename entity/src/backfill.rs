//! A range of a stream that is read once more, beside its ordinary runs.

use sea_orm::entity::prelude::*;

/// A row of `backfill`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "backfill")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// Whose stream.
    pub integration_id: Uuid,
    /// Name of the stream.
    pub stream: String,
    /// The lowest value of the cursor field.
    #[sea_orm(column_type = "JsonBinary")]
    pub range_from: Json,
    /// The value of the cursor field that is the first not to be read; `None` reads to the end.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub range_until: Option<Json>,
    /// The stream's cursor field when it was asked for, whose values these are; `None` for one of before that was kept.
    pub cursor_field: Option<String>,
    /// Who asked for it, in words a customer understands.
    pub requested_by: String,
    /// When.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

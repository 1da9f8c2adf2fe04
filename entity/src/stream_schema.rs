//! Which fields the records of a stream have, as its runs saw them.

use sea_orm::entity::prelude::*;

/// A row of `stream_schema`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stream_schema")]
pub struct Model {
    /// The tenant that owns it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The integration.
    #[sea_orm(primary_key, auto_increment = false)]
    pub integration_id: Uuid,
    /// Name of the stream.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: String,
    /// By the name of the field, its types and whether every record has it.
    #[sea_orm(column_type = "JsonBinary")]
    pub fields: Json,
    /// The run that learned it first; what that run sees is no change.
    pub learned_by_run_id: Uuid,
    /// What changed last; `None` when nothing did.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub last_change: Option<Json>,
    /// The run that saw it change last.
    pub changed_by_run_id: Option<Uuid>,
    /// When it changed last.
    pub changed_at: Option<DateTimeUtc>,
    /// When it was last stored.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

//! Where the next INCREMENTAL run of a stream begins.

use sea_orm::entity::prelude::*;

/// A row of `stream_cursor`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stream_cursor")]
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
    /// Cursor of the source connector; `{"from": value}` where a person set where the next run begins.
    #[sea_orm(column_type = "JsonBinary")]
    pub watermark: Json,
    /// The run that reached it; `None` where a person set it.
    pub run_id: Option<Uuid>,
    /// When it was last changed by a person or the system.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

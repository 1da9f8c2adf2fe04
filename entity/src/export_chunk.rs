//! A piece of an export's content.

use sea_orm::entity::prelude::*;

/// A row of `export_chunk`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "export_chunk")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that it is of.
    pub tenant_id: Uuid,
    /// The export.
    pub export_id: Uuid,
    /// Its place, from 0.
    pub number: i32,
    /// Bytes of lines in it.
    pub byte_count: i32,
    /// The lines, deflated and encrypted; associated data: tenant id and id.
    pub sealed_content: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}

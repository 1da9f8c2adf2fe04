//! Receipts of pages whose keys lie strewn over their stream, kept as they came until many are merged into
//! `receipt_block` at once. What is here is newer than what is there.

use sea_orm::entity::prelude::*;

/// A row of `receipt_segment`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "receipt_segment")]
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
    /// Its keys are not before this one, and before the next bound of its stream, in the order of their bytes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub bound: String,
    /// In the order of coming; of two receipts of a key the one with the higher number stands.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// The receipts, in the form of a block.
    pub entries: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}

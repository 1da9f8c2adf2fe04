//! The ledger of what was written: (integration, stream, source key) → destination key, payload, action, run. Receipts of
//! neighbouring keys share a row.

use sea_orm::entity::prelude::*;

/// A row of `receipt_block`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "receipt_block")]
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
    /// Keys from here to the first one of the next block are in this block, in the order of their bytes. Empty in the
    /// first block of a stream.
    #[sea_orm(primary_key, auto_increment = false)]
    pub first_key: String,
    /// Receipts in the block; at least 1.
    pub entry_count: i32,
    /// The receipts; `domain/src/background/receipt/block.rs` says how.
    pub entries: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}

//! The ledger of what was written: (integration, stream, source key) → destination key, payload, action, run.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `write_receipt`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "write_receipt")]
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
    /// Key of the record as it is compared.
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_key: String,
    /// The destination's own id, where that is not the key.
    pub destination_key: Option<String>,
    /// 128-bit hash of the mapped record.
    pub payload_hash: Vec<u8>,
    /// What the last write did.
    pub action: WriteAction,
    /// The run that wrote it last.
    pub run_id: Uuid,
    /// When.
    pub written_at: DateTimeUtc,
    /// What was about to be written over it when it was last heard of, and may be there by now: 16 bytes of its payload
    /// hash, 8 of its revision. `None` when the above is what is there.
    pub in_doubt: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a write did.
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
pub enum WriteAction {
    /// The key was not there.
    Created,
    /// The key was there with other values.
    Updated,
    /// The key was there with the same values.
    Unchanged,
}

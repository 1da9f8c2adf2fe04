//! A key that seals credentials and records. It is published before it seals, and opens for as long as something is
//! sealed by it.

use sea_orm::entity::prelude::*;

/// A row of `data_key`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "data_key")]
pub struct Model {
    /// UUIDv7; stands in each ciphertext.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Which secret key wraps it.
    pub secret_key_id: String,
    /// The key, encrypted by that secret key.
    pub wrapped_key: Vec<u8>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// From when on it seals, until a later one does.
    pub seals_from: DateTimeUtc,
    /// When nothing was found any more that it seals; `None` before a later one took everything over.
    pub emptied_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

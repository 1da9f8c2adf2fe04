//! The first outcome of a mutation that starts work, by principal and key, for 24 hours.

use sea_orm::entity::prelude::*;

/// A row of `idempotency_key`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    /// Who, e.g. `user:…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub principal: String,
    /// The caller's key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Name of the mutation.
    pub operation: String,
    /// SHA-256 of its input: the same key with another input is a conflict.
    pub request_hash: Vec<u8>,
    /// What it made.
    pub object_id: Uuid,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

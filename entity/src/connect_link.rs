//! A link by which somebody gives access to a system, once.

use sea_orm::entity::prelude::*;

/// A row of `connect_link`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "connect_link")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant of the system.
    pub tenant_id: Uuid,
    /// The system.
    pub system_id: Uuid,
    /// SHA-256 of the secret in the link.
    pub secret_hash: Vec<u8>,
    /// Where to send whoever has used it.
    pub return_url: Option<String>,
    /// Name of who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// Until when it can be used.
    pub expires_at: DateTimeUtc,
    /// When it was used.
    pub used_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

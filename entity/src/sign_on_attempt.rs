//! Somebody who was sent to an identity provider and may come back, once.

use sea_orm::entity::prelude::*;

/// A row of `sign_on_attempt`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_on_attempt")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Where they are.
    pub provider_id: Uuid,
    /// SHA-256 of what the provider brings back.
    pub state_hash: Vec<u8>,
    /// SHA-256 of what the browser kept.
    pub secret_hash: Vec<u8>,
    /// The page that they come back to.
    pub redirect_uri: String,
    /// When they left.
    pub created_at: DateTimeUtc,
    /// Until when they may come back.
    pub expires_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

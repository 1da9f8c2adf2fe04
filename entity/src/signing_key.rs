//! A key that signs tokens. It is published before it signs, and verifies for a while after the next one signs.

use sea_orm::entity::prelude::*;

/// A row of `signing_key`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_key")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Thumbprint of the public key (RFC 7638); unique.
    pub kid: String,
    /// The private key in PEM, encrypted for this row.
    pub sealed_key: Vec<u8>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// From when on it signs, until a later key does.
    pub signs_from: DateTimeUtc,
    /// After it the key's tokens are refused; `None` while no later key was made.
    pub retires_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

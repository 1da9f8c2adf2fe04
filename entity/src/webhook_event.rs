//! What a system has sent, until it is read, and for some days more.

use sea_orm::entity::prelude::*;

/// A row of `webhook_event`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_event")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant of the system.
    pub tenant_id: Uuid,
    /// The system that sent it.
    pub system_id: Uuid,
    /// Its place in the system's inbox: 1, 2, 3 … in the order of arrival.
    pub sequence: i64,
    /// The sender's id for it; unique in the system.
    pub event_id: Option<String>,
    /// What happened, in the sender's words.
    pub event_type: Option<String>,
    /// When it came.
    pub received_at: DateTimeUtc,
    /// Encrypted body, as it was sent; associated data: tenant id and id.
    pub sealed_body: Vec<u8>,
    /// The body, in bytes.
    pub size_bytes: i64,
    /// The bodies of all events that came up to this one, in bytes.
    pub end_bytes: i64,
}

impl ActiveModelBehavior for ActiveModel {}

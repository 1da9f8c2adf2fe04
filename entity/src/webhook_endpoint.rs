//! Where a system sends events to, and how far its inbox is.

use sea_orm::entity::prelude::*;

/// A row of `webhook_endpoint`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoint")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant of the system.
    pub tenant_id: Uuid,
    /// The system; it has one.
    pub system_id: Uuid,
    /// The last part of its URL: 32 random hex digits. Who knows it can send nothing without a secret.
    pub address: String,
    /// The address before.
    pub previous_address: Option<String>,
    /// Until when that one is good, too.
    pub previous_until: Option<DateTimeUtc>,
    /// Place of the last event that came; 0 before the first.
    pub last_sequence: i64,
    /// Bodies of all events that came, in bytes.
    pub received_bytes: i64,
    /// Events up to this place are not kept any more.
    pub purged_sequence: i64,
    /// Bodies of those, in bytes.
    pub purged_bytes: i64,
    /// When the last event came.
    pub last_received_at: Option<DateTimeUtc>,
    /// Requests that were not taken.
    pub refused_count: i64,
    /// When the last of them came.
    pub last_refused_at: Option<DateTimeUtc>,
    /// Why it was not taken, in words.
    pub last_refusal: Option<String>,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

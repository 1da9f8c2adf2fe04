//! A test record that an integration's destination is sent by itself, and what is known of it.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `synthetic_check`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "synthetic_check")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The integration that it proves; it has one at most.
    pub integration_id: Uuid,
    /// Name of the stream.
    pub stream: String,
    /// The record as the source would give it, with places for its mark.
    #[sea_orm(column_type = "JsonBinary")]
    pub record: Json,
    /// Cron expression, five fields.
    pub schedule_cron: Option<String>,
    /// IANA name; set with the cron expression.
    pub schedule_time_zone: Option<String>,
    /// Time between two of them, in seconds; not with a cron expression.
    pub every_seconds: Option<i64>,
    /// The record is removed again.
    pub removes: bool,
    /// When the next record is sent; `None` for on demand.
    pub next_at: Option<DateTimeUtc>,
    /// Who asked for the next one, or for the one on its way; `None` for its schedule.
    pub asked_by: Option<String>,
    /// When what may be at a destination is removed, whether a record is sent or not; `None` where nothing may be.
    pub clear_at: Option<DateTimeUtc>,
    /// Of the worker that carries it out.
    pub lease_token: Option<Uuid>,
    /// Until when that has it.
    pub lease_until: Option<DateTimeUtc>,
    /// Since when it fails.
    pub failing_since: Option<DateTimeUtc>,
    /// What may still be at a destination.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub leftover: Option<Leftover>,
    /// What was removed and may arrive late, the oldest first.
    #[sea_orm(column_type = "JsonBinary")]
    pub doubtful: DoubtfulList,
    /// Who set it, in words a customer understands.
    pub set_by: String,
    /// When it was last set.
    pub updated_at: DateTimeUtc,
    /// When it was removed; it is kept for what it has left behind.
    pub removed_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// A test record that may still be at a destination: stored before it is written, forgotten once it is known to be gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Leftover {
    /// The destination that it went to.
    pub system_id: Uuid,
    /// Name of the stream.
    pub stream: String,
    /// Key fields of the stream.
    pub key_fields: Vec<String>,
    /// Options of the destination.
    pub options: Json,
    /// The record's key, in the form that is compared and stored.
    pub key: String,
    /// What marked the record.
    pub mark: String,
    /// What the destination knows it by, where that is something else.
    pub destination_key: Option<String>,
    /// When it was sent.
    pub at: DateTimeUtc,
}

/// Test records that were removed and may arrive late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct DoubtfulList(pub Vec<Doubtful>);

/// A test record that was removed while nobody knew whether it would be written yet; it is removed once more later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubtful {
    /// The record.
    pub leftover: Leftover,
    /// When it was removed, or that was last tried.
    pub removed_at: DateTimeUtc,
}

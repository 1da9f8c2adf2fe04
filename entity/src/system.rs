//! A tenant's access to one outside system. Credentials go in and never come out.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `system`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "system")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// Name for people; unique in the tenant.
    pub name: String,
    /// Name of the connector, e.g. `postgres`.
    pub connector: String,
    /// Validated by the connector's config schema.
    #[sea_orm(column_type = "JsonBinary")]
    pub config: Json,
    /// Encrypted JSON text; associated data: tenant id and id.
    pub credentials: Option<Vec<u8>>,
    /// What the last test or run found.
    pub status: SystemStatus,
    /// In the customer's words.
    pub status_message: Option<String>,
    /// When it was last tested.
    pub last_tested_at: Option<DateTimeUtc>,
    /// Requests a minute at most; `None`: as many as one likes.
    pub rate_limit_per_minute: Option<i32>,
    /// Requests at once at most; set with the rate.
    pub rate_limit_burst: Option<i32>,
    /// Whether runs may use it.
    pub circuit_state: CircuitState,
    /// Attempts in a row that failed because of it.
    pub circuit_failure_count: i32,
    /// How often in a row its circuit opened.
    pub circuit_opening_count: i32,
    /// Since when the circuit is as it is; `None`: since the system was made.
    pub circuit_since: Option<DateTimeUtc>,
    /// OPEN: until when it is left alone.
    pub circuit_until: Option<DateTimeUtc>,
    /// When the next of the runs that wait for it may come.
    pub circuit_slot_at: Option<DateTimeUtc>,
    /// HALF_OPEN: the job that tries it.
    pub circuit_probe_job_id: Option<Uuid>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was last changed by a person or the system.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// What is known of a system.
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
pub enum SystemStatus {
    /// Nobody has tried it since it was changed.
    Untested,
    /// The last try connected.
    Healthy,
    /// The last try did not connect.
    Failing,
    /// It refuses the credentials.
    ReauthRequired,
}

/// Whether runs may use a system.
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
pub enum CircuitState {
    /// They may.
    Closed,
    /// They wait until a time.
    Open,
    /// One may, the others wait for what it finds.
    HalfOpen,
}

//! What is stopped at once: everything, a connector, a tenant or an integration.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `kill_switch`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "kill_switch")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that it stops, whole or in part; `None` for one that stops several.
    pub tenant_id: Option<Uuid>,
    /// How far it reaches.
    pub scope: KillSwitchScope,
    /// The connector that it stops.
    pub connector: Option<String>,
    /// The integration that it stops.
    pub integration_id: Option<Uuid>,
    /// Why, for whoever engaged it and their colleagues.
    pub reason: String,
    /// Why, in words for the customers that it stops.
    pub message_for_customers: String,
    /// What becomes of what waited.
    pub on_release: OnRelease,
    /// Name of who engaged it.
    pub created_by: String,
    /// That is somebody of the operator's staff.
    pub is_by_staff: bool,
    /// When it was engaged.
    pub created_at: DateTimeUtc,
    /// When it releases itself.
    pub expires_at: Option<DateTimeUtc>,
    /// When it was released.
    pub released_at: Option<DateTimeUtc>,
    /// Name of who released it; `None` where it expired.
    pub released_by: Option<String>,
    /// Not before this the next of what waited go on.
    pub drain_after: Option<DateTimeUtc>,
    /// When nothing waited for it any more.
    pub drained_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How far a kill switch reaches.
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
pub enum KillSwitchScope {
    /// Every integration.
    Platform,
    /// Integrations that read or write by a connector.
    Connector,
    /// The integrations of a tenant.
    Tenant,
    /// One integration.
    Integration,
}

/// What becomes of what waited for a kill switch.
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
pub enum OnRelease {
    /// All of it runs, in its order.
    RunAll,
    /// Of each integration the newest run from the source runs, and every retry of stored records; the others are
    /// canceled.
    RunLatest,
    /// It is canceled.
    Cancel,
}

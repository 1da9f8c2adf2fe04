//! The one status of each integration, with what it is derived from.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `integration_health`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "integration_health")]
pub struct Model {
    /// The integration.
    #[sea_orm(primary_key, auto_increment = false)]
    pub integration_id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// How it is. Never RUNNING, which its job tells.
    pub status: HealthStatus,
    /// The place of the status in lists: what is worse is larger.
    pub severity: i64,
    /// Since when it is so.
    pub since: DateTimeUtc,
    /// The run that read its source last and has ended.
    pub last_run_id: Option<Uuid>,
    /// When the newest run ended that read its source and brought something home.
    pub newest_success_at: Option<DateTimeUtc>,
    /// Its age is counted from here where no success is newer.
    pub watched_from: DateTimeUtc,
    /// That success is older than it may be.
    pub is_late: bool,
    /// What people expect of it now; `None` for the defaults.
    pub target_id: Option<Uuid>,
    /// When a sweep looks at it next.
    pub check_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// How an integration is; the first that is true.
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
pub enum HealthStatus {
    /// The system holds it.
    Held,
    /// Its people must do something.
    ActionRequired,
    /// Its last run could not go on.
    Failing,
    /// Its newest success is older than it may be.
    Stale,
    /// It misses another target, or records of its last run failed.
    Degraded,
    /// A run is under way.
    Running,
    /// All is well.
    Healthy,
    /// It has not run yet.
    Unknown,
    /// People paused it.
    Paused,
    /// It is gone from lists.
    Archived,
}

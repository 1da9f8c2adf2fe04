//! What people expect of an integration, since they said so.

use sea_orm::entity::prelude::*;

/// A row of `health_target`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "health_target")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The integration.
    pub integration_id: Uuid,
    /// The oldest that its newest success may be, in seconds; `None` for the default.
    pub freshness_seconds: Option<i64>,
    /// Of its runs so many percent succeed; `None` for the default.
    pub run_success_percent: Option<f64>,
    /// Of its runs 95 % take at most so long, in milliseconds; `None` for the default.
    pub latency_p95_ms: Option<i64>,
    /// Who said so.
    pub set_by: String,
    /// They are of the operator's staff.
    pub is_by_staff: bool,
    /// When.
    pub set_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

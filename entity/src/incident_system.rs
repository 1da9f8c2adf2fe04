//! A tenant's system that an incident hits.

use sea_orm::entity::prelude::*;

/// A row of `incident_system`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "incident_system")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns the system.
    pub tenant_id: Uuid,
    /// The incident.
    pub incident_id: Uuid,
    /// The system, which may be deleted later.
    pub system_id: Uuid,
    /// When it was hit first, or named.
    pub first_seen_at: DateTimeUtc,
    /// When an attempt failed because of it last; `None`: none has.
    pub last_failed_at: Option<DateTimeUtc>,
    /// Since when it answers again.
    pub recovered_at: Option<DateTimeUtc>,
    /// When what waited for it was let go.
    pub taken_up_at: Option<DateTimeUtc>,
    /// When the incident was resolved.
    pub resolved_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

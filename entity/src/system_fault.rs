//! What is wrong with a tenant's system, as attempts found it: by these rows it is seen that many have the same trouble.

use sea_orm::entity::prelude::*;

use crate::incident::IncidentFault;

/// A row of `system_fault`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "system_fault")]
pub struct Model {
    /// The system, which may be deleted later.
    #[sea_orm(primary_key, auto_increment = false)]
    pub system_id: Uuid,
    /// What is wrong.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fault: IncidentFault,
    /// The tenant that owns the system.
    pub tenant_id: Uuid,
    /// Where the system is; see `incident.host`.
    pub host: String,
    /// Name of its connector.
    pub connector: String,
    /// When an attempt failed of it first, of those that followed each other within an hour.
    pub first_seen_at: DateTimeUtc,
    /// When one did last.
    pub last_seen_at: DateTimeUtc,
    /// The job whose attempt still tries, several times in vain by then, or may have asked for what can't be answered; `None`
    /// once one has given up because of the system.
    pub tried_by_job_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}

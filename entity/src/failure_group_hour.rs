//! How many failures a group had in an hour.

use sea_orm::entity::prelude::*;

/// A row of `failure_group_hour`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "failure_group_hour")]
pub struct Model {
    /// The tenant that owns it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The group.
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_id: Uuid,
    /// The beginning of the hour.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hour_at: DateTimeUtc,
    /// Failures in it; above 0.
    pub failure_count: i64,
}

impl ActiveModelBehavior for ActiveModel {}

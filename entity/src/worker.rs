//! A worker process, as it last said of itself.

use sea_orm::entity::prelude::*;

/// A row of `worker`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "worker")]
pub struct Model {
    /// UUIDv7, new at each start.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What its jobs say who has them.
    pub name: String,
    /// Runs that it executes at once, at most.
    pub slots: i32,
    /// Runs that it executes.
    pub busy: i32,
    /// When it started.
    pub started_at: DateTimeUtc,
    /// When it said this.
    pub seen_at: DateTimeUtc,
    /// When it last claimed a run.
    pub claimed_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

//! Partitions `log_line` by month on PostgreSQL: it is added to all the time, goes after two weeks, and nothing refers to it.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::partitioning::Partitioning;

const LOG_LINE: Partitioning = Partitioning {
    table: "log_line",
    keys: &[("log_line_pkey", "PRIMARY KEY (id)")],
    references: &[],
    indexes: &[
        ("ix_log_line_run_id_id", "run_id, id"),
        ("ix_log_line_tenant_id_at", "tenant_id, at"),
        ("ix_log_line_at", "at"),
    ],
    statistics: &[],
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        LOG_LINE.up(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        LOG_LINE.down(manager).await
    }

    /// It begins transactions of its own, so that what takes long locks nobody out.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

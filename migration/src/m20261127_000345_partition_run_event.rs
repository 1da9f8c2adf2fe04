//! Partitions `run_event` by month on PostgreSQL: it is added to with every page of every run, and nothing refers to it.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::partitioning::Partitioning;

const RUN_EVENT: Partitioning = Partitioning {
    table: "run_event",
    keys: &[("run_event_pkey", "PRIMARY KEY (id)"), ("uq_run_event_tenant_id_id", "UNIQUE (tenant_id, id)")],
    references: &[(
        "fk_run_event_run_id",
        "FOREIGN KEY (tenant_id, run_id) REFERENCES \"run\" (tenant_id, id) ON DELETE NO ACTION",
        "run",
    )],
    indexes: &[("ix_run_event_tenant_id_run_id_id", "tenant_id, run_id, id")],
    statistics: &[("st_run_event_tenant_id", "(dependencies) ON tenant_id, run_id")],
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        RUN_EVENT.up(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        RUN_EVENT.down(manager).await
    }

    /// It begins transactions of its own, so that what takes long locks nobody out.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

//! Creates `run_metric`: what a run cost, over all its attempts and slices. The columns of a run are read far more often, so
//! these are a table of their own.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, big_integer_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time};
use crate::constraints::{not_negative, primary_key, tenant_reference};
use crate::isolation::isolate;

const SUMS: [&str; 12] = [
    "worked_ms",
    "source_wait_ms",
    "destination_wait_ms",
    "mapping_ms",
    "storing_ms",
    "throttled_ms",
    "page_count",
    "read_bytes",
    "written_bytes",
    "retry_count",
    "resumed_count",
    "taken_over_count",
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create().table("run_metric").col(tenant_id()).col(uuid("run_id")).take();
        for sum in SUMS {
            table.col(big_integer(sum));
        }
        table
            .col(big_integer_null("peak_memory_bytes"))
            .col(time("updated_at"))
            // Staff ask for runs, whosever they are.
            .primary_key(&mut primary_key(&["run_id", "tenant_id"]))
            .foreign_key(&mut tenant_reference("run_metric", "run_id", "run"))
            .check(not_negative("run_metric", SUMS));
        manager.create_table(table).await?;
        isolate(manager, "run_metric", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("run_metric").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

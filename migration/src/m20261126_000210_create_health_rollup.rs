//! Creates `health_rollup`: what became of the runs of an integration that ended in an hour or a day, by how long they took.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, integer, small_integer, text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time};
use crate::constraints::{create_indexes, index, not_negative, one_of, primary_key, tenant_reference};
use crate::isolation::isolate;

const TABLE: &str = "health_rollup";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(uuid("integration_id"))
                    .col(text("period"))
                    .col(time("begins_at"))
                    .col(small_integer("duration_class"))
                    .col(tenant_id())
                    .col(integer("succeeded_count"))
                    .col(integer("partial_count"))
                    .col(integer("failed_count"))
                    .col(integer("canceled_count"))
                    .col(big_integer("duration_ms"))
                    .col(big_integer("read_count"))
                    .col(big_integer("created_count"))
                    .col(big_integer("updated_count"))
                    .col(big_integer("unchanged_count"))
                    .col(big_integer("skipped_count"))
                    .col(big_integer("failed_record_count"))
                    .primary_key(&mut primary_key(&[
                        "integration_id",
                        "period",
                        "begins_at",
                        "duration_class",
                    ]))
                    .foreign_key(&mut tenant_reference(TABLE, "integration_id", "integration"))
                    .check(one_of(TABLE, "period", &["HOUR", "DAY"]))
                    .check(not_negative(
                        TABLE,
                        ["succeeded_count", "partial_count", "failed_count", "canceled_count", "duration_ms"],
                    ))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index(TABLE, &["tenant_id", "period", "begins_at"]),
                // The platform is summed up, and what is old is deleted.
                index(TABLE, &["period", "begins_at"]),
            ],
        )
        .await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

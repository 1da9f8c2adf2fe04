//! Creates `kpi_rollup`: what was measured of the records that an integration delivered in an hour or a day.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, big_integer_null, text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time};
use crate::constraints::{create_indexes, index, not_negative, one_of, primary_key, tenant_reference};
use crate::isolation::isolate;

const TABLE: &str = "kpi_rollup";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(uuid("kpi_id"))
                    .col(text("period"))
                    .col(time("begins_at"))
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(big_integer("value_count"))
                    .col(big_integer("skipped_count"))
                    .col(big_integer("sum_thousands"))
                    .col(big_integer("sum_millionths"))
                    .col(big_integer_null("least"))
                    .col(big_integer_null("most"))
                    .primary_key(&mut primary_key(&["kpi_id", "period", "begins_at"]))
                    .foreign_key(&mut tenant_reference(TABLE, "integration_id", "integration"))
                    .check(one_of(TABLE, "period", &["HOUR", "DAY"]))
                    .check(not_negative(TABLE, ["value_count", "skipped_count", "sum_millionths"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                // What is old is deleted.
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

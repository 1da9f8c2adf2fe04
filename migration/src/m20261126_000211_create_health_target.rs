//! Creates `health_target`: what people expect of an integration. Each change is a row, and none is changed: the newest
//! holds.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer_null, boolean, double_null, text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time};
use crate::constraints::{create_indexes, index, tenant_reference, unique_in_tenant};
use crate::isolation::isolate;

const TABLE: &str = "health_target";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(big_integer_null("freshness_seconds"))
                    .col(double_null("run_success_percent"))
                    .col(big_integer_null("latency_p95_ms"))
                    .col(text("set_by"))
                    .col(boolean("is_by_staff"))
                    .col(time("set_at"))
                    .index(&mut unique_in_tenant(TABLE))
                    .foreign_key(&mut tenant_reference(TABLE, "integration_id", "integration"))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index(TABLE, &["tenant_id", "integration_id", "id"])]).await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

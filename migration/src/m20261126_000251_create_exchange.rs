//! Creates `exchange`: requests to outside systems with their replies, those that led to failures.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, integer_null, text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time};
use crate::constraints::{create_indexes, index, not_negative, tenant_reference};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("exchange")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("run_id"))
                    .col(time("at"))
                    .col(text("method"))
                    .col(integer_null("status"))
                    .col(big_integer("duration_ms"))
                    .col(big_integer("request_bytes"))
                    .col(big_integer_null("response_bytes"))
                    .col(binary("sealed_content"))
                    .foreign_key(&mut tenant_reference("exchange", "run_id", "run"))
                    .check(not_negative("exchange", ["duration_ms", "request_bytes"]))
                    .to_owned(),
            )
            .await?;
        // How many a run has; and which are to go.
        let indexes = [index("exchange", &["tenant_id", "run_id", "id"]), index("exchange", &["at"])];
        create_indexes(manager, indexes).await?;
        isolate(manager, "exchange", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("exchange").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Creates `backfill`: ranges of streams that are read once more.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{json_binary, json_binary_null, text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time};
use crate::constraints::{create_indexes, index, tenant_reference, unique_in_tenant};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("backfill")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("stream"))
                    .col(json_binary("range_from"))
                    .col(json_binary_null("range_until"))
                    .col(text("requested_by"))
                    .col(time("created_at"))
                    .index(&mut unique_in_tenant("backfill"))
                    .foreign_key(&mut tenant_reference("backfill", "integration_id", "integration"))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("backfill", &["tenant_id", "integration_id", "id"])]).await?;
        isolate(manager, "backfill", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("backfill").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Creates `stream_cursor`: where the next incremental runs begin.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{json_binary, text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time};
use crate::constraints::{primary_key, tenant_reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("stream_cursor")
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("stream"))
                    .col(json_binary("watermark"))
                    .col(uuid("run_id"))
                    .col(time("updated_at"))
                    .primary_key(&mut primary_key(&["tenant_id", "integration_id", "stream"]))
                    .foreign_key(&mut tenant_reference("stream_cursor", "integration_id", "integration"))
                    .foreign_key(&mut tenant_reference("stream_cursor", "run_id", "run"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("stream_cursor").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Creates `stream_schema`: which fields the records of a stream have, and what of it changed last.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{json_binary, json_binary_null, text, uuid, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time, time_null};
use crate::constraints::{primary_key, tenant_reference};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("stream_schema")
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("stream"))
                    .col(json_binary("fields"))
                    .col(uuid("learned_by_run_id"))
                    .col(json_binary_null("last_change"))
                    .col(uuid_null("changed_by_run_id"))
                    .col(time_null("changed_at"))
                    .col(time("updated_at"))
                    .primary_key(&mut primary_key(&["tenant_id", "integration_id", "stream"]))
                    .foreign_key(&mut tenant_reference("stream_schema", "integration_id", "integration"))
                    .foreign_key(&mut tenant_reference("stream_schema", "learned_by_run_id", "run"))
                    .foreign_key(&mut tenant_reference("stream_schema", "changed_by_run_id", "run"))
                    .to_owned(),
            )
            .await?;
        isolate(manager, "stream_schema", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("stream_schema").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Creates `run_stream`: the checkpoints of runs.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, json_binary_null, text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time, time_null};
use crate::constraints::{not_negative, primary_key, tenant_reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("run_stream")
                    .col(tenant_id())
                    .col(uuid("run_id"))
                    .col(text("stream"))
                    .col(json_binary_null("since"))
                    .col(json_binary_null("checkpoint"))
                    .col(big_integer("page_count"))
                    .col(time_null("finished_at"))
                    .col(time("updated_at"))
                    .primary_key(&mut primary_key(&["tenant_id", "run_id", "stream"]))
                    .foreign_key(&mut tenant_reference("run_stream", "run_id", "run"))
                    .check(not_negative("run_stream", ["page_count"]))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("run_stream").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

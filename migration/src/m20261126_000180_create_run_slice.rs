//! Creates `run_slice`: parts of a stream that a run reads by several workers.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, boolean, integer, json_binary, json_binary_null, text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{not_negative, one_of, tenant_reference, unique, unique_in_tenant};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("run_slice")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("run_id"))
                    .col(text("stream"))
                    .col(integer("ordinal"))
                    .col(json_binary("part"))
                    .col(boolean("fresh"))
                    .col(text("status"))
                    .col(json_binary_null("checkpoint"))
                    .col(json_binary_null("gate"))
                    .col(big_integer("page_count"))
                    .col(big_integer("read_count"))
                    .col(big_integer("created_count"))
                    .col(big_integer("updated_count"))
                    .col(big_integer("unchanged_count"))
                    .col(big_integer("skipped_count"))
                    .col(big_integer("failed_count"))
                    .col(json_binary_null("failure"))
                    .col(time("created_at"))
                    .col(time_null("started_at"))
                    .col(time_null("finished_at"))
                    .index(&mut unique_in_tenant("run_slice"))
                    // Also the order in which those of a run are listed.
                    .index(&mut unique("run_slice", &["tenant_id", "run_id", "stream", "ordinal"]))
                    .foreign_key(&mut tenant_reference("run_slice", "run_id", "run"))
                    .check(one_of("run_slice", "status", &["OPEN", "FINISHED", "FAILED", "STOPPED"]))
                    .check(not_negative(
                        "run_slice",
                        [
                            "ordinal",
                            "page_count",
                            "read_count",
                            "created_count",
                            "updated_count",
                            "unchanged_count",
                            "skipped_count",
                            "failed_count",
                        ],
                    ))
                    .to_owned(),
            )
            .await?;
        isolate(manager, "run_slice", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("run_slice").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

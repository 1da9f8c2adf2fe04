//! Creates `log_line`: what the program logged about a tenant, in a run or beside it. No references to what it is about: a
//! line is never refused, and may be of a run whose transaction came to nothing.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{json_binary, text, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time};
use crate::constraints::{create_indexes, index, one_of};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("log_line")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid_null("run_id"))
                    .col(uuid_null("integration_id"))
                    .col(uuid_null("system_id"))
                    .col(time("at"))
                    .col(text("level"))
                    .col(text("component"))
                    .col(text("message"))
                    .col(json_binary("attributes"))
                    .check(one_of("log_line", "level", &["DEBUG", "INFO", "WARN", "ERROR"]))
                    .to_owned(),
            )
            .await?;
        // Those of a run, which staff ask for whosever it is; what happened beside it; and which are to go.
        let of_run = index("log_line", &["run_id", "id"]);
        let indexes = [of_run, index("log_line", &["tenant_id", "at"]), index("log_line", &["at"])];
        create_indexes(manager, indexes).await?;
        isolate(manager, "log_line", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("log_line").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Creates `synthetic_result`: what came of the test records of integrations.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{boolean, json_binary, text, text_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time};
use crate::constraints::{create_indexes, index, one_of, tenant_reference, unique_in_tenant};
use crate::isolation::isolate;

const TABLE: &str = "synthetic_result";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let stages = ["MAP", "VALIDATE", "WRITE", "READ_BACK", "COMPARE", "REMOVE"];
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("stream"))
                    .col(text("status"))
                    .col(text_null("stage"))
                    .col(text_null("code"))
                    .col(text("mark"))
                    .col(boolean("is_verified"))
                    .col(boolean("is_removed"))
                    .col(json_binary("durations"))
                    .col(text("triggered_by"))
                    .col(time("started_at"))
                    .col(time("finished_at"))
                    .index(&mut unique_in_tenant(TABLE))
                    .foreign_key(&mut tenant_reference(TABLE, "integration_id", "integration"))
                    .check(one_of(TABLE, "status", &["PASSED", "FAILED"]))
                    .check(one_of(TABLE, "stage", &stages))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [index(TABLE, &["tenant_id", "integration_id", "id"]), index(TABLE, &["finished_at"])],
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

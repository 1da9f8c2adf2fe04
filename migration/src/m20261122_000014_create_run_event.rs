//! Creates `run_event`: what happened in runs.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{json_binary, text, text_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time};
use crate::constraints::{create_indexes, index, one_of, tenant_reference, unique_in_tenant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("run_event")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("run_id"))
                    .col(time("at"))
                    .col(text("type"))
                    .col(text("audience"))
                    .col(text("component"))
                    .col(text_null("business_reference"))
                    .col(text("message"))
                    .col(json_binary("attributes"))
                    .index(&mut unique_in_tenant("run_event"))
                    .foreign_key(&mut tenant_reference("run_event", "run_id", "run"))
                    .check(one_of("run_event", "audience", &["CUSTOMER", "SUPPORT", "ENGINEER"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("run_event", &["tenant_id", "run_id", "id"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("run_event").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

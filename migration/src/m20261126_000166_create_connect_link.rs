//! Creates `connect_link`: links by which somebody gives access to a system, once.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{binary, text, text_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{create_indexes, index, tenant_reference};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("connect_link")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("system_id"))
                    .col(binary("secret_hash"))
                    .col(text_null("return_url"))
                    .col(text("created_by"))
                    .col(time("created_at"))
                    .col(time("expires_at"))
                    .col(time_null("used_at"))
                    .foreign_key(&mut tenant_reference("connect_link", "system_id", "system"))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index("connect_link", &["tenant_id", "system_id"]),
                // What has ended is removed, whosever it is.
                index("connect_link", &["expires_at"]),
            ],
        )
        .await?;
        isolate(manager, "connect_link", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("connect_link").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

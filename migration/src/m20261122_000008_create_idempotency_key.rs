//! Creates `idempotency_key`: first outcomes of mutations that start work.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob, text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::time;
use crate::constraints::{create_indexes, index, primary_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("idempotency_key")
                    .col(text("principal"))
                    .col(text("key"))
                    .col(text("operation"))
                    .col(blob("request_hash"))
                    .col(uuid("object_id"))
                    .col(time("created_at"))
                    .primary_key(&mut primary_key(&["principal", "key"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("idempotency_key", &["created_at"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("idempotency_key").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

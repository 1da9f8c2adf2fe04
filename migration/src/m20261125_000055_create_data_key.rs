//! Creates `data_key`: the keys that seal credentials and records, wrapped by the operator's secret key.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob, text};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("data_key")
                    .col(id())
                    .col(text("secret_key_id"))
                    .col(blob("wrapped_key"))
                    .col(time("created_at"))
                    .col(time("seals_from"))
                    .col(time_null("emptied_at"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("data_key").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

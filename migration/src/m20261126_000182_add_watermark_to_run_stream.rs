//! Adds to `run_stream` where the next run begins, of a stream whose slices do not know it: it is fixed when they are
//! planned.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::json_binary_null;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = json_binary_null("watermark");
        manager.alter_table(Table::alter().table("run_stream").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("run_stream").drop_column("watermark").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

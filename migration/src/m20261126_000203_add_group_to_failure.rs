//! Adds to `failure` the group of its cause. By itself, so that the table is locked for no longer than that takes. No foreign
//! key: SQLite adds none to a table that is there, and groups are not deleted.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::uuid_null;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = uuid_null("group_id");
        manager.alter_table(Table::alter().table("failure").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("failure").drop_column("group_id").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

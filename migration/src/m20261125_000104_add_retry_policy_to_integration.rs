//! Adds to `integration` how patient its runs are with systems that are down: null is the default of each.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::integer_null;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

const COLUMNS: [&str; 3] = ["retry_attempts", "retry_wait_seconds", "retry_wait_seconds_max"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in COLUMNS {
            let column = integer_null(column);
            manager.alter_table(Table::alter().table("integration").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            manager.alter_table(Table::alter().table("integration").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

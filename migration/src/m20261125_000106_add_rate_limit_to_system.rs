//! Adds to `system` how often it may be asked: requests a minute, and how many at once; null is as often as one likes.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::integer_null;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

const COLUMNS: [&str; 2] = ["rate_limit_per_minute", "rate_limit_burst"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in COLUMNS {
            let column = integer_null(column);
            manager.alter_table(Table::alter().table("system").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            manager.alter_table(Table::alter().table("system").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Adds to `integration` after how many failed runs in a row it is held, how many there were, and since when and why it
//! is held. No foreign key to the failure: SQLite adds none to a table that is there.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{integer, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::time_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in [
            integer("hold_after").default(10).take(),
            integer("failed_run_count").default(0).take(),
            time_null("held_at"),
            uuid_null("hold_failure_id"),
        ] {
            manager.alter_table(Table::alter().table("integration").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["hold_failure_id", "held_at", "failed_run_count", "hold_after"] {
            manager.alter_table(Table::alter().table("integration").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

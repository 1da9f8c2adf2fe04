//! Adds to `tenant` whether the operator's staff may look at its records, and until when.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::boolean;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::time_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement. Tenants that are there have not allowed it.
        for column in [boolean("support_access").default(false).take(), time_null("support_access_until")] {
            manager.alter_table(Table::alter().table("tenant").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["support_access_until", "support_access"] {
            manager.alter_table(Table::alter().table("tenant").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

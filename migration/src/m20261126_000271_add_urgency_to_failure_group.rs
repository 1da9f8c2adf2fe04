//! Adds to `failure_group` the highest impact of its failures, how urgent that is, and what is at stake.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, big_integer_null, text};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::one_of;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in [
            text("impact")
                .default("MEDIUM")
                .check(one_of("failure_group", "impact", &["LOW", "MEDIUM", "HIGH", "CRITICAL"]))
                .take(),
            big_integer("urgency").default(0).take(),
            big_integer_null("value_at_stake"),
        ] {
            manager.alter_table(Table::alter().table("failure_group").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["value_at_stake", "urgency", "impact"] {
            manager.alter_table(Table::alter().table("failure_group").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Adds to `failure` how much depends on it, why, and what is at stake. By itself, so that the table is locked for no longer
//! than that takes. What is there has the impact that everything has without rules.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer_null, text, text_null};
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
                .check(one_of("failure", "impact", &["LOW", "MEDIUM", "HIGH", "CRITICAL"]))
                .take(),
            text_null("impact_reason"),
            big_integer_null("value_at_stake"),
        ] {
            manager.alter_table(Table::alter().table("failure").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["value_at_stake", "impact_reason", "impact"] {
            manager.alter_table(Table::alter().table("failure").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

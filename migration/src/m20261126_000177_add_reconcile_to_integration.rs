//! Adds to `integration` whether its ends are compared after each run.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::text;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::one_of;

const COLUMN: &str = "reconcile";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = text(COLUMN)
            .default("NEVER")
            .check(one_of("integration", COLUMN, &["NEVER", "AFTER_RUN"]))
            .take();
        manager.alter_table(Table::alter().table("integration").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("integration").drop_column(COLUMN).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Adds to `run` how many records were removed at the destination, and to `run_stream` whether a person is asked first.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::big_integer;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::time_null;

const COUNT: &str = "deleted_count";
const HELD: &str = "deletions_held_at";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let count = big_integer(COUNT).default(0).to_owned();
        manager.alter_table(Table::alter().table("run").add_column(count).to_owned()).await?;
        let held = time_null(HELD);
        manager.alter_table(Table::alter().table("run_stream").add_column(held).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("run_stream").drop_column(HELD).to_owned()).await?;
        manager.alter_table(Table::alter().table("run").drop_column(COUNT).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

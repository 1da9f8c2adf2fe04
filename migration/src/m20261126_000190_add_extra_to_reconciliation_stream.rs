//! Adds to `reconciliation_stream` how many records only the destination has, of ours and of others; null where that is not
//! known.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::big_integer_null;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::check;
use sea_orm_migration::sea_query::{Expr, ExprTrait};

const TABLE: &str = "reconciliation_stream";
const COLUMNS: [&str; 2] = ["extra_count", "other_count"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            let added = big_integer_null(column)
                .check(check(TABLE, &format!("{column}_not_negative"), Expr::col(column).gte(0)))
                .take();
            manager.alter_table(Table::alter().table(TABLE).add_column(added).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            manager.alter_table(Table::alter().table(TABLE).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

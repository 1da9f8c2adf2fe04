//! Adds to `tenant` how many of its runs go at once: null is what the setting says. Few tenants have their own, and those
//! are read every few seconds.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::integer_null;
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

const COLUMN: &str = "run_concurrency";
const INDEX: &str = "ix_tenant_run_concurrency";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = integer_null(COLUMN);
        manager.alter_table(Table::alter().table("tenant").add_column(column).to_owned()).await?;
        let own = Index::create()
            .name(INDEX)
            .table("tenant")
            .col("id")
            .and_where(Expr::col(COLUMN).is_not_null())
            .to_owned();
        manager.create_index(own).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table("tenant").to_owned()).await?;
        manager.alter_table(Table::alter().table("tenant").drop_column(COLUMN).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

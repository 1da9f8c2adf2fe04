//! Adds to `run` the backfill whose range it reads. No foreign key: SQLite adds none to a table that is there, and
//! backfills are not deleted.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::uuid_null;
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::{create_indexes, index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = uuid_null("backfill_id");
        manager.alter_table(Table::alter().table("run").add_column(column).to_owned()).await?;
        let backfills = Expr::col("backfill_id").is_not_null();
        let by_backfill = index("run", &["tenant_id", "backfill_id", "id"]).and_where(backfills).take();
        create_indexes(manager, [by_backfill]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = "ix_run_tenant_id_backfill_id_id";
        manager.drop_index(Index::drop().name(name).table("run").to_owned()).await?;
        manager.alter_table(Table::alter().table("run").drop_column("backfill_id").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

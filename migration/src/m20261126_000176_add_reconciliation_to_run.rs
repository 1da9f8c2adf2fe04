//! Adds to `run` the reconciliation that it does. No foreign key: SQLite adds none to a table that is there, and
//! reconciliations are not deleted.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::uuid_null;
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::{create_indexes, index};

const COLUMN: &str = "reconciliation_id";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = uuid_null(COLUMN);
        manager.alter_table(Table::alter().table("run").add_column(column).to_owned()).await?;
        let reconciliations = Expr::col(COLUMN).is_not_null();
        let by_reconciliation = index("run", &["tenant_id", COLUMN, "id"]).and_where(reconciliations).take();
        create_indexes(manager, [by_reconciliation]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = "ix_run_tenant_id_reconciliation_id_id";
        manager.drop_index(Index::drop().name(name).table("run").to_owned()).await?;
        manager.alter_table(Table::alter().table("run").drop_column(COLUMN).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

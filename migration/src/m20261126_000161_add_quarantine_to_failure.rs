//! Adds to `failure` the quarantine whose page it is of. No foreign key: SQLite adds none to a table that is there, and
//! quarantines are not deleted.

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
        let column = uuid_null("quarantine_id");
        manager.alter_table(Table::alter().table("failure").add_column(column).to_owned()).await?;
        let quarantined = Expr::col("quarantine_id").is_not_null();
        let by_quarantine =
            index("failure", &["tenant_id", "quarantine_id", "id"]).and_where(quarantined).take();
        create_indexes(manager, [by_quarantine]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = "ix_failure_tenant_id_quarantine_id_id";
        manager.drop_index(Index::drop().name(name).table("failure").to_owned()).await?;
        manager.alter_table(Table::alter().table("failure").drop_column("quarantine_id").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Adds to `job` which kill switch holds it, or is to stop it. No foreign key: SQLite adds none to a table that is
//! there, and kill switches are not deleted.

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
        let column = uuid_null("kill_switch_id");
        manager.alter_table(Table::alter().table("job").add_column(column).to_owned()).await?;
        // What waited for one that is released goes on in the order of its ids.
        let held = Expr::col("status").eq("HELD").and(Expr::col("kill_switch_id").is_not_null());
        create_indexes(manager, [index("job", &["kill_switch_id", "id"]).and_where(held).take()]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = "ix_job_kill_switch_id_id";
        manager.drop_index(Index::drop().name(name).table("job").to_owned()).await?;
        manager.alter_table(Table::alter().table("job").drop_column("kill_switch_id").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

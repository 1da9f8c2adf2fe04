//! Adds to `failure_group` whom it is assigned to. No foreign key: SQLite adds none to a table that is there. Who deletes a
//! contact takes it out here first, and an id of nobody reads as nobody.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::uuid_null;
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::{create_indexes, index};

const TABLE: &str = "failure_group";
const INDEX: &str = "ix_failure_group_assignee_id_last_seen_at_id";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = uuid_null("assignee_id");
        manager.alter_table(Table::alter().table(TABLE).add_column(column).to_owned()).await?;
        let assigned = Expr::col("assignee_id").is_not_null();
        let by_assignee =
            index(TABLE, &["assignee_id", "last_seen_at", "id"]).name(INDEX).and_where(assigned).take();
        create_indexes(manager, [by_assignee]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table(TABLE).to_owned()).await?;
        manager.alter_table(Table::alter().table(TABLE).drop_column("assignee_id").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

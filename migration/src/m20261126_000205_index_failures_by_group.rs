//! Indexes failures by their group, once they have one.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::{create_indexes, index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_open = Expr::col("status").is_in(["OPEN", "RETRYING"]);
        create_indexes(
            manager,
            [
                index("failure", &["tenant_id", "group_id", "id"]),
                // By the group first: it is for questions about a group alone, and must not look good for others.
                index("failure", &["group_id", "tenant_id"]).and_where(is_open).take(),
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["ix_failure_group_id_tenant_id", "ix_failure_tenant_id_group_id_id"] {
            manager.drop_index(Index::drop().name(name).table("failure").to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

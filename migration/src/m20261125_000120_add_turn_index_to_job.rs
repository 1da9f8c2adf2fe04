//! Adds an index of the order in which a tenant's queued jobs have their turn, so that the embedded queue finds the first
//! of them however long the backlog is.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index, IndexOrder};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const NAME: &str = "ix_job_turn";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let turn = Index::create()
            .name(NAME)
            .table("job")
            .col("tenant_id")
            .col(("begun", IndexOrder::Desc))
            .col(("priority", IndexOrder::Desc))
            .col("available_at")
            .and_where(Expr::col("status").eq("QUEUED"))
            .to_owned();
        manager.create_index(turn).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(NAME).table("job").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Indexes failures by when they were dealt with, and by what they hold on to then: what is deleted goes in this order, and
//! nothing that it refers to goes before it. No entry is written before a failure is dealt with, but that of its exchange.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index, IndexCreateStatement};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::{create_indexes, index};

const NAMES: [&str; 3] =
    ["ix_failure_exchange_id", "ix_failure_resolved_by_run_id", "ix_failure_tenant_id_resolved_at_id"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_indexes(
            manager,
            [
                where_it_is(&["tenant_id", "resolved_at", "id"], "resolved_at"),
                where_it_is(&["resolved_by_run_id"], "resolved_by_run_id"),
                where_it_is(&["exchange_id"], "exchange_id"),
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in NAMES {
            manager.drop_index(Index::drop().name(name).table("failure").to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn where_it_is(columns: &[&'static str], column: &'static str) -> IndexCreateStatement {
    index("failure", columns).and_where(Expr::col(column).is_not_null()).take()
}

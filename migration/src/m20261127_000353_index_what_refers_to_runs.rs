//! Indexes what refers to runs and failures by these, where nothing did: both databases look there for each that is deleted.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Index};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::{create_indexes, index};

/// Tables and columns.
const REFERENCES: [(&str, &str); 3] =
    [("occasion", "run_id"), ("occasion", "failure_id"), ("reconciliation_difference", "failure_id")];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indexes = REFERENCES
            .map(|(table, column)| index(table, &[column]).and_where(Expr::col(column).is_not_null()).take());
        create_indexes(manager, indexes).await?;
        // Those that there are leave out slices, or all but slices: by them no foreign key is looked up.
        create_indexes(manager, [index("job", &["tenant_id", "subject_id"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let jobs = "ix_job_tenant_id_subject_id";
        manager.drop_index(Index::drop().name(jobs).table("job").to_owned()).await?;
        for (table, column) in REFERENCES {
            let name = format!("ix_{table}_{column}");
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

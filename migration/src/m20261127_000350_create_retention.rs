//! Creates `retention`: how long something of a tenant is kept, and how far deleting it has come. Rows are made by sweeps, and
//! where a tenant has a number of its own.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{integer_null, text, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time, time_null};
use crate::constraints::{check, create_indexes, index, one_of, primary_key, reference};
use crate::isolation::isolate;

const TABLE: &str = "retention";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(tenant_id())
                    .col(text("kind"))
                    .col(integer_null("days"))
                    .col(time("next_at"))
                    .col(time("round_at"))
                    .col(time_null("position_at"))
                    .col(uuid_null("position_id"))
                    .col(time_null("told_until"))
                    .primary_key(&mut primary_key(&["tenant_id", "kind"]))
                    .foreign_key(&mut reference(TABLE, "tenant_id", "tenant"))
                    .check(one_of(TABLE, "kind", &["RUNS", "FAILURES", "RECORDS", "LOG_LINES"]))
                    .check(check(TABLE, "days", Expr::col("days").between(1, 3_650)))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                // What sweeps look at next: of all tenants where the setting says something, else of those with a number.
                index(TABLE, &["kind", "next_at"]),
                index(TABLE, &["kind", "next_at"])
                    .name("ix_retention_own")
                    .and_where(Expr::col("days").is_not_null())
                    .take(),
            ],
        )
        .await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

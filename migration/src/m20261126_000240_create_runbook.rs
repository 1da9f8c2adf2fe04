//! Creates `runbook`: what staff do about a failure, by code, connector or integration. One that is about an integration has
//! the tenant of that; the others are about everybody's.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{integer, integer_null, text, text_null, uuid_null};
use sea_orm_migration::sea_query::{Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{check, create_indexes, index, reference, tenant_reference};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let named = |column: &'static str| Expr::col(column).is_not_null();
        let target = named("code").or(named("connector")).or(named("integration_id"));
        let of_tenant = named("integration_id").eq(named("tenant_id"));
        manager
            .create_table(
                Table::create()
                    .table("runbook")
                    .col(id())
                    .col(uuid_null("tenant_id"))
                    .col(text_null("code"))
                    .col(text_null("connector"))
                    .col(uuid_null("integration_id"))
                    .col(text("title"))
                    .col(text("body"))
                    .col(integer("version"))
                    .col(integer_null("review_interval_days"))
                    .col(time_null("review_due_at"))
                    .col(time_null("last_reviewed_at"))
                    .col(text_null("last_reviewed_by"))
                    .col(time("created_at"))
                    .col(time("updated_at"))
                    .col(text("updated_by"))
                    .foreign_key(&mut reference("runbook", "tenant_id", "tenant"))
                    .foreign_key(&mut tenant_reference("runbook", "integration_id", "integration"))
                    .check(check("runbook", "target", target))
                    .check(check("runbook", "tenant_id", of_tenant))
                    .check(check("runbook", "version", Expr::col("version").gt(0)))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index("runbook", &["tenant_id", "id"]),
                index("runbook", &["code", "id"]),
                index("runbook", &["connector", "id"]),
                index("runbook", &["integration_id", "id"]),
            ],
        )
        .await?;
        isolate(manager, "runbook", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("runbook").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

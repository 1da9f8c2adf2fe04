//! Creates `integration`: what moves records from a system to another.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{json_binary, text, text_null, uuid};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{check, create_indexes, index, one_of, tenant_reference, unique_in_tenant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("integration")
                    .col(id())
                    .col(tenant_id())
                    .col(text("name"))
                    .col(text_null("description"))
                    .col(text("status"))
                    .col(text_null("status_reason"))
                    .col(uuid("source_id"))
                    .col(uuid("destination_id"))
                    .col(json_binary("streams"))
                    .col(text_null("schedule_cron"))
                    .col(text_null("schedule_time_zone"))
                    .col(time_null("next_run_at"))
                    .col(time("created_at"))
                    .col(time("updated_at"))
                    .index(&mut unique_in_tenant("integration"))
                    .foreign_key(&mut tenant_reference("integration", "source_id", "system"))
                    .foreign_key(&mut tenant_reference("integration", "destination_id", "system"))
                    .check(one_of("integration", "status", &["ACTIVE", "PAUSED", "HELD", "ARCHIVED"]))
                    // A cron expression means nothing without its time zone.
                    .check(check(
                        "integration",
                        "schedule",
                        Expr::col("schedule_cron")
                            .is_null()
                            .and(Expr::col("schedule_time_zone").is_null())
                            .or(Expr::col("schedule_cron")
                                .is_not_null()
                                .and(Expr::col("schedule_time_zone").is_not_null())),
                    ))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                // The name of an archived integration is free again.
                index("integration", &["tenant_id", "name"])
                    .name("uq_integration_tenant_id_name")
                    .unique()
                    .and_where(Expr::col("status").ne("ARCHIVED"))
                    .take(),
                index("integration", &["tenant_id", "status", "id"]),
                index("integration", &["tenant_id", "source_id"]),
                index("integration", &["tenant_id", "destination_id"]),
                // The schedule asks for those that are due, of every tenant.
                index("integration", &["next_run_at"])
                    .and_where(Expr::col("status").eq("ACTIVE"))
                    .and_where(Expr::col("next_run_at").is_not_null())
                    .take(),
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("integration").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Creates `run`: executions of integrations.
//!
//! `failure_id` has no foreign key: `failure` refers to `run` and so comes after it, SQLite adds none to a table
//! that exists, and neither row of a circle could be deleted first.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, text, text_null, uuid, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{create_indexes, index, not_negative, one_of, tenant_reference, unique_in_tenant};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("run")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("status"))
                    .col(text("trigger"))
                    .col(text("triggered_by"))
                    .col(text("scope"))
                    .col(uuid_null("retry_of_id"))
                    .col(uuid_null("retry_id"))
                    .col(time("queued_at"))
                    .col(time_null("started_at"))
                    .col(time_null("finished_at"))
                    .col(big_integer("read_count"))
                    .col(big_integer("created_count"))
                    .col(big_integer("updated_count"))
                    .col(big_integer("unchanged_count"))
                    .col(big_integer("skipped_count"))
                    .col(big_integer("failed_count"))
                    .col(uuid_null("failure_id"))
                    .col(text_null("trace_id"))
                    .index(&mut unique_in_tenant("run"))
                    .foreign_key(&mut tenant_reference("run", "integration_id", "integration"))
                    .foreign_key(&mut tenant_reference("run", "retry_of_id", "run"))
                    .foreign_key(&mut tenant_reference("run", "retry_id", "retry"))
                    .check(one_of(
                        "run",
                        "status",
                        &["QUEUED", "RUNNING", "SUCCEEDED", "PARTIAL", "FAILED", "CANCELED", "RECOVERED"],
                    ))
                    .check(one_of(
                        "run",
                        "trigger",
                        &["MANUAL", "SCHEDULE", "WEBHOOK", "RETRY", "BACKFILL", "SYNTHETIC"],
                    ))
                    .check(one_of("run", "scope", &["ALL_RECORDS", "FAILED_RECORDS"]))
                    .check(not_negative(
                        "run",
                        [
                            "read_count",
                            "created_count",
                            "updated_count",
                            "unchanged_count",
                            "skipped_count",
                            "failed_count",
                        ],
                    ))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index("run", &["tenant_id", "integration_id", "id"]),
                index("run", &["tenant_id", "status", "id"]),
                index("run", &["tenant_id", "finished_at", "id"]),
                // Staff list the runs of every tenant.
                index("run", &["status", "id"]),
                index("run", &["tenant_id", "retry_of_id"])
                    .and_where(Expr::col("retry_of_id").is_not_null())
                    .take(),
                index("run", &["tenant_id", "retry_id", "id"])
                    .and_where(Expr::col("retry_id").is_not_null())
                    .take(),
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("run").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

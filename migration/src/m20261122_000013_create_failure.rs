//! Creates `failure`: what did not arrive, and what to do about it.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{
    blob_null, integer, integer_null, json_binary, text, text_null, uuid, uuid_null,
};
use sea_orm_migration::sea_orm::DbBackend;
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
                    .table("failure")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(uuid("run_id"))
                    .col(text_null("stream"))
                    .col(text_null("business_reference"))
                    .col(text_null("record_key"))
                    .col(text_null("position"))
                    .col(text("status"))
                    .col(text("category"))
                    .col(text("stage"))
                    .col(text("code"))
                    .col(text("responsible_party"))
                    .col(text("retryable"))
                    .col(text_null("hint"))
                    .col(json_binary("field_errors"))
                    .col(integer("attempts"))
                    .col(time("failed_at"))
                    .col(time("last_attempt_at"))
                    .col(time_null("next_attempt_at"))
                    .col(time_null("resolved_at"))
                    .col(uuid_null("resolved_by_run_id"))
                    .col(integer_null("http_status"))
                    .col(text_null("technical_detail"))
                    .col(blob_null("record"))
                    .col(blob_null("edited_record"))
                    .col(uuid_null("retry_id"))
                    .col(uuid_null("retry_run_id"))
                    .col(text_null("skip_reason"))
                    .col(text_null("skipped_by"))
                    .index(&mut unique_in_tenant("failure"))
                    .foreign_key(&mut tenant_reference("failure", "integration_id", "integration"))
                    .foreign_key(&mut tenant_reference("failure", "run_id", "run"))
                    .foreign_key(&mut tenant_reference("failure", "resolved_by_run_id", "run"))
                    .foreign_key(&mut tenant_reference("failure", "retry_id", "retry"))
                    .foreign_key(&mut tenant_reference("failure", "retry_run_id", "run"))
                    .check(one_of(
                        "failure",
                        "status",
                        &["OPEN", "RETRYING", "RESOLVED", "SKIPPED", "SUPERSEDED"],
                    ))
                    .check(one_of(
                        "failure",
                        "category",
                        &[
                            "USER_ACTION",
                            "UNSUPPORTED_DATA",
                            "INTEGRATION_DESIGN",
                            "APPLICATION",
                            "INFRASTRUCTURE",
                        ],
                    ))
                    .check(one_of("failure", "stage", &["EXTRACT", "MAP", "VALIDATE", "LOAD", "PLATFORM"]))
                    .check(one_of(
                        "failure",
                        "responsible_party",
                        &["CUSTOMER", "SUPPORT", "ENGINEERING", "THIRD_PARTY"],
                    ))
                    .check(one_of("failure", "retryable", &["YES", "NO", "UNKNOWN"]))
                    .check(not_negative("failure", ["attempts"]))
                    .to_owned(),
            )
            .await?;

        // Asked for each batch of each run: which of its records have a failure that is not dealt with?
        // Not partial on SQLite, which takes a partial index for an IN only when the query spells the values
        // out; SeaORM binds them.
        let mut by_record = index("failure", &["tenant_id", "integration_id", "stream", "record_key"]);
        if manager.get_database_backend() == DbBackend::Postgres {
            by_record.and_where(Expr::col("status").is_in(["OPEN", "RETRYING"]));
        }
        create_indexes(
            manager,
            [
                index("failure", &["tenant_id", "status", "id"]),
                index("failure", &["tenant_id", "integration_id", "id"]),
                index("failure", &["tenant_id", "run_id", "id"]),
                by_record,
                index("failure", &["tenant_id", "code", "id"]),
                index("failure", &["tenant_id", "business_reference", "id"]),
                index("failure", &["tenant_id", "failed_at", "id"]),
                index("failure", &["tenant_id", "retry_id", "id"])
                    .and_where(Expr::col("retry_id").is_not_null())
                    .take(),
                index("failure", &["retry_run_id", "id"])
                    .and_where(Expr::col("retry_run_id").is_not_null())
                    .take(),
                // Staff list the failures of every tenant.
                index("failure", &["status", "id"]),
            ],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("failure").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

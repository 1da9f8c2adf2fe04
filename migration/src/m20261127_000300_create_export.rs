//! Creates `export`: queries whose every page is written to a file, for whoever asked for it.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, binary, integer, json_binary_null, text, text_null, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{create_indexes, index, not_negative, one_of, reference, unique_in_tenant};
use crate::isolation::isolate;

const TABLE: &str = "export";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statuses = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "EXPIRED"];
        let failures = ["FORBIDDEN", "QUERY_FAILED", "TOO_LARGE", "UNAVAILABLE"];
        let is = |status: &'static str| Expr::col("status").eq(status);
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(id())
                    .col(tenant_id())
                    .col(text("field"))
                    .col(text("query"))
                    .col(json_binary_null("variables"))
                    .col(text("status"))
                    // Users and keys, which are rows of two tables.
                    .col(text("principal"))
                    .col(text("created_by"))
                    .col(text("locale"))
                    .col(big_integer("row_count"))
                    .col(big_integer("byte_count"))
                    .col(big_integer("packed_byte_count"))
                    .col(big_integer("checksum"))
                    .col(integer("chunk_count"))
                    .col(text_null("cursor"))
                    .col(integer("attempt"))
                    .col(time("available_at"))
                    .col(uuid_null("lease_token"))
                    .col(time_null("lease_until"))
                    .col(text_null("failure_code"))
                    .col(text_null("failure_message"))
                    .col(binary("secret_hash"))
                    .col(binary("sealed_secret"))
                    .col(time("created_at"))
                    .col(time_null("started_at"))
                    .col(time_null("finished_at"))
                    .col(time_null("expires_at"))
                    .col(time_null("purged_at"))
                    .index(&mut unique_in_tenant(TABLE))
                    .foreign_key(&mut reference(TABLE, "tenant_id", "tenant"))
                    .check(one_of(TABLE, "status", &statuses))
                    .check(one_of(TABLE, "failure_code", &failures))
                    .check(not_negative(
                        TABLE,
                        [
                            "row_count",
                            "byte_count",
                            "packed_byte_count",
                            "checksum",
                            "chunk_count",
                            "attempt",
                        ],
                    ))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                // Of a tenant one is carried out at once, whichever processes claim.
                index(TABLE, &["tenant_id"])
                    .name("uq_export_running")
                    .unique()
                    .and_where(is("RUNNING"))
                    .take(),
                // Asked for every second: what is to be carried out, by the time from which on it may be.
                index(TABLE, &["available_at"])
                    .and_where(Expr::col("status").is_in(["QUEUED", "RUNNING"]))
                    .take(),
                // How many somebody has open.
                index(TABLE, &["principal"])
                    .and_where(Expr::col("status").is_in(["QUEUED", "RUNNING"]))
                    .take(),
                // What is to be deleted: the content, and later the row.
                index(TABLE, &["expires_at"]).and_where(Expr::col("purged_at").is_null()).take(),
                index(TABLE, &["purged_at"]).and_where(Expr::col("purged_at").is_not_null()).take(),
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

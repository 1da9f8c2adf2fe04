//! Creates `failure_group`: failures of one cause.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, big_integer_null, text, text_null, uuid, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{
    create_indexes, index, not_negative, one_of, tenant_reference, unique, unique_in_tenant,
};
use crate::isolation::isolate;

const TABLE: &str = "failure_group";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table.table(TABLE);
        for column in [
            id(),
            tenant_id(),
            uuid("integration_id"),
            text("stream"),
            text("code"),
            text("fingerprint"),
            text("category"),
            text("stage"),
            text_null("field_path"),
            text_null("rule"),
            text_null("reason"),
            text("status"),
            text("responsible_party"),
            time("first_seen_at"),
            time("last_seen_at"),
            big_integer("failure_count"),
            big_integer("run_count"),
            uuid_null("last_run_id"),
            time("hour_at"),
            big_integer("hour_count"),
            big_integer("hour_limit"),
            time_null("snoozed_until"),
            big_integer_null("snoozed_until_count"),
            big_integer_null("snoozed_until_hour_count"),
            time("status_at"),
            time_null("resolved_at"),
            uuid_null("merged_into_id"),
        ] {
            table.col(column);
        }
        table
            .index(&mut unique_in_tenant(TABLE))
            .index(&mut unique(TABLE, &["tenant_id", "integration_id", "stream", "code", "fingerprint"]))
            .foreign_key(&mut tenant_reference(TABLE, "integration_id", "integration"))
            .foreign_key(&mut tenant_reference(TABLE, "merged_into_id", TABLE))
            .check(one_of(
                TABLE,
                "category",
                &["USER_ACTION", "UNSUPPORTED_DATA", "INTEGRATION_DESIGN", "APPLICATION", "INFRASTRUCTURE"],
            ))
            .check(one_of(TABLE, "stage", &["EXTRACT", "MAP", "VALIDATE", "LOAD", "PLATFORM"]))
            .check(one_of(
                TABLE,
                "status",
                &[
                    "NEW",
                    "ONGOING",
                    "ESCALATING",
                    "ACKNOWLEDGED",
                    "SNOOZED",
                    "RESOLVED",
                    "REGRESSED",
                    "IGNORED",
                ],
            ))
            .check(one_of(TABLE, "responsible_party", &["CUSTOMER", "SUPPORT", "ENGINEERING", "THIRD_PARTY"]))
            .check(not_negative(TABLE, ["failure_count", "run_count", "hour_count", "hour_limit"]));
        manager.create_table(table).await?;
        let active = Expr::col("status").is_not_in(["RESOLVED", "IGNORED"]);
        create_indexes(
            manager,
            [
                index(TABLE, &["tenant_id", "last_seen_at", "id"]),
                index(TABLE, &["tenant_id", "failure_count", "id"]),
                index(TABLE, &["tenant_id", "integration_id", "last_seen_at", "id"]),
                // Staff list those of every tenant.
                index(TABLE, &["last_seen_at", "id"]),
                index(TABLE, &["failure_count", "id"]),
                index(TABLE, &["tenant_id", "merged_into_id"])
                    .and_where(Expr::col("merged_into_id").is_not_null())
                    .take(),
                // What the sweep looks at.
                index(TABLE, &["id", "status"]).and_where(active).take(),
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

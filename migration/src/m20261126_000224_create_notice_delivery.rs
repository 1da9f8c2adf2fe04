//! Creates `notice_delivery`: a notice on its way to one receiver.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, integer_null, text, text_null, uuid, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{
    create_indexes, index, not_negative, one_of, reference, tenant_reference, unique_in_tenant,
};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("notice_delivery")
                    .col(id())
                    // None for the operator's.
                    .col(uuid_null("tenant_id"))
                    .col(uuid("notice_id"))
                    .col(uuid("channel_id"))
                    .col(text_null("recipient"))
                    .col(text("status"))
                    .col(big_integer("attempt_count"))
                    .col(big_integer("replayed_after"))
                    .col(time("available_at"))
                    .col(time("created_at"))
                    .col(time_null("finished_at"))
                    .col(integer_null("http_status"))
                    .col(text_null("last_error"))
                    .index(&mut unique_in_tenant("notice_delivery"))
                    .foreign_key(&mut reference("notice_delivery", "tenant_id", "tenant"))
                    .foreign_key(&mut tenant_reference("notice_delivery", "notice_id", "notice"))
                    .check(one_of("notice_delivery", "status", &["QUEUED", "DELIVERED", "FAILED", "PARKED"]))
                    .check(not_negative("notice_delivery", ["attempt_count", "replayed_after"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index("notice_delivery", &["tenant_id", "id"]),
                index("notice_delivery", &["notice_id", "id"]),
                index("notice_delivery", &["channel_id", "id"]),
                index("notice_delivery", &["available_at", "id"])
                    .name("ix_notice_delivery_waiting")
                    .and_where(Expr::col("status").eq("QUEUED"))
                    .take(),
            ],
        )
        .await?;
        isolate(manager, "notice_delivery", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("notice_delivery").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Creates `notice`: what a channel is told at once, of one occasion or of many.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, json_binary, text, text_null, uuid, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{create_indexes, index, not_negative, one_of, reference, unique_in_tenant};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("notice")
                    .col(id())
                    // None for the operator's.
                    .col(uuid_null("tenant_id"))
                    // Policies and channels are deleted, and what was told stays.
                    .col(uuid_null("policy_id"))
                    .col(text_null("policy_name"))
                    .col(uuid("channel_id"))
                    .col(text("channel_name"))
                    .col(text("kind"))
                    .col(text_null("occasion_kind"))
                    .col(uuid_null("integration_id"))
                    .col(json_binary("items"))
                    .col(big_integer("item_count"))
                    .col(text_null("waits_for"))
                    .col(time_null("due_at"))
                    .col(time_null("sent_at"))
                    .col(time("created_at"))
                    .index(&mut unique_in_tenant("notice"))
                    .foreign_key(&mut reference("notice", "tenant_id", "tenant"))
                    .check(one_of("notice", "kind", &["SINGLE", "DIGEST", "TEST"]))
                    .check(one_of("notice", "waits_for", &["DIGEST", "QUIET_HOURS", "CAP"]))
                    .check(not_negative("notice", ["item_count"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index("notice", &["tenant_id", "id"]),
                index("notice", &["channel_id", "id"]),
                index("notice", &["policy_id", "id"]),
                // Of an integration, for its tenant and for staff.
                index("notice", &["integration_id", "id"]),
                // What is old is deleted.
                index("notice", &["sent_at"]),
                // One collects for a policy and channel at a time.
                index("notice", &["policy_id", "channel_id"])
                    .name("uq_notice_collecting")
                    .unique()
                    .and_where(Expr::col("sent_at").is_null())
                    .take(),
                index("notice", &["due_at"])
                    .name("ix_notice_due")
                    .and_where(Expr::col("sent_at").is_null())
                    .take(),
            ],
        )
        .await?;
        isolate(manager, "notice", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("notice").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

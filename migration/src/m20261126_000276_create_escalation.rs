//! Creates `escalation`: how far the escalation of a group of failures is.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{integer, json_binary, text_null, uuid, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time, time_null};
use crate::constraints::{create_indexes, index, not_negative, one_of, primary_key, tenant_reference};
use crate::isolation::isolate;

const TABLE: &str = "escalation";
const ANSWERS: [&str; 8] =
    ["ACKNOWLEDGED", "HANDED_OVER", "COMMENTED", "RETRIED", "SNOOZED", "RESOLVED", "IGNORED", "MERGED"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(uuid("group_id"))
                    .col(tenant_id())
                    .col(integer("episode"))
                    .col(time("started_at"))
                    .col(time_null("chosen_at"))
                    // Policies are deleted, and what they began goes on.
                    .col(uuid_null("policy_id"))
                    .col(text_null("policy_name"))
                    .col(json_binary("steps"))
                    .col(integer("step_index"))
                    .col(integer("repeat_index"))
                    .col(integer("told_count"))
                    .col(time_null("step_at"))
                    .col(time_null("next_at"))
                    .col(time_null("waits_since"))
                    .col(time_null("answered_at"))
                    .col(text_null("answered_by"))
                    .col(time_null("acknowledged_at"))
                    .col(time_null("stopped_at"))
                    .primary_key(&mut primary_key(&["group_id"]))
                    .foreign_key(&mut tenant_reference(TABLE, "group_id", "failure_group"))
                    .check(one_of(TABLE, "answered_by", &ANSWERS))
                    .check(not_negative(TABLE, ["episode", "step_index", "repeat_index", "told_count"]))
                    .to_owned(),
            )
            .await?;
        let waits = Expr::col("next_at").is_not_null();
        // What is due, asked for every second.
        create_indexes(manager, [index(TABLE, &["next_at"]).and_where(waits).take()]).await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

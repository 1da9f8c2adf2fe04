//! Creates `synthetic_check`: a test record that proves an integration, and what it may have left behind.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{
    big_integer_null, boolean, json_binary, json_binary_null, text, text_null, uuid, uuid_null,
};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{check, create_indexes, index, tenant_reference, unique, unique_in_tenant};
use crate::isolation::isolate;

const TABLE: &str = "synthetic_check";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A cron expression means nothing without its time zone, and goes before any other schedule.
        let no_cron = Expr::col("schedule_cron").is_null().and(Expr::col("schedule_time_zone").is_null());
        let cron = Expr::col("schedule_cron")
            .is_not_null()
            .and(Expr::col("schedule_time_zone").is_not_null())
            .and(Expr::col("every_seconds").is_null());
        let schedule = no_cron.or(cron);
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("stream"))
                    .col(json_binary("record"))
                    .col(text_null("schedule_cron"))
                    .col(text_null("schedule_time_zone"))
                    .col(big_integer_null("every_seconds"))
                    .col(boolean("removes"))
                    .col(time_null("next_at"))
                    .col(text_null("asked_by"))
                    .col(time_null("clear_at"))
                    .col(uuid_null("lease_token"))
                    .col(time_null("lease_until"))
                    .col(time_null("failing_since"))
                    // Both name systems without a reference: one that is deleted takes along all that could remove a record
                    // there, and what is left is given up.
                    .col(json_binary_null("leftover"))
                    .col(json_binary("doubtful"))
                    .col(text("set_by"))
                    .col(time("updated_at"))
                    .col(time_null("removed_at"))
                    .index(&mut unique_in_tenant(TABLE))
                    .index(&mut unique(TABLE, &["integration_id"]))
                    .foreign_key(&mut tenant_reference(TABLE, "integration_id", "integration"))
                    .check(check(TABLE, "schedule", schedule))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index(TABLE, &["tenant_id", "integration_id"]),
                // Asked for every second, both at once.
                index(TABLE, &["next_at"]).and_where(Expr::col("next_at").is_not_null()).take(),
                index(TABLE, &["clear_at"]).and_where(Expr::col("clear_at").is_not_null()).take(),
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

//! Creates `kill_switch`: what is stopped at once, for whom, and what becomes of what waited.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{boolean, text, text_null, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{check, create_indexes, index, one_of, reference, tenant_reference};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let named = |column: &'static str| Expr::col(column).is_not_null();
        let scope = |name: &str| Expr::col("scope").eq(name);
        // Each scope names its target, and nothing else.
        let target = scope("PLATFORM")
            .and(named("tenant_id").not())
            .and(named("connector").not())
            .and(named("integration_id").not())
            .or(scope("CONNECTOR")
                .and(named("tenant_id").not())
                .and(named("connector"))
                .and(named("integration_id").not()))
            .or(scope("TENANT")
                .and(named("tenant_id"))
                .and(named("connector").not())
                .and(named("integration_id").not()))
            .or(scope("INTEGRATION")
                .and(named("tenant_id"))
                .and(named("connector").not())
                .and(named("integration_id")));
        manager
            .create_table(
                Table::create()
                    .table("kill_switch")
                    .col(id())
                    .col(uuid_null("tenant_id"))
                    .col(text("scope"))
                    .col(text_null("connector"))
                    .col(uuid_null("integration_id"))
                    .col(text("reason"))
                    .col(text("message_for_customers"))
                    .col(text("on_release"))
                    .col(text("created_by"))
                    .col(boolean("is_by_staff"))
                    .col(time("created_at"))
                    .col(time_null("expires_at"))
                    .col(time_null("released_at"))
                    .col(text_null("released_by"))
                    .col(time_null("drain_after"))
                    .col(time_null("drained_at"))
                    .foreign_key(&mut reference("kill_switch", "tenant_id", "tenant"))
                    .foreign_key(&mut tenant_reference("kill_switch", "integration_id", "integration"))
                    .check(one_of(
                        "kill_switch",
                        "scope",
                        &["PLATFORM", "CONNECTOR", "TENANT", "INTEGRATION"],
                    ))
                    .check(one_of("kill_switch", "on_release", &["RUN_ALL", "RUN_LATEST", "CANCEL"]))
                    .check(check("kill_switch", "target", target))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index("kill_switch", &["tenant_id", "id"]),
                // Every claim asks for those that are engaged, every second for those that are not done with.
                index("kill_switch", &["id"])
                    .name("ix_kill_switch_open")
                    .and_where(Expr::col("drained_at").is_null())
                    .take(),
            ],
        )
        .await?;
        isolate(manager, "kill_switch", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("kill_switch").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

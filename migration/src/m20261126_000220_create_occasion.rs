//! Creates `occasion`: what somebody may have to be told of, stored together with what happened.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{json_binary, text, text_null, uuid_null};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{create_indexes, index, one_of, reference, tenant_reference};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const KINDS: [&str; 24] = [
    "GROUP_NEW",
    "GROUP_REGRESSED",
    "GROUP_ESCALATING",
    "GROUP_RESOLVED",
    "RUN_FAILED",
    "RUN_PARTIAL",
    "RECOVERED",
    "LATE",
    "HELD",
    "RESUMED",
    "REAUTH_REQUIRED",
    "REAUTHORIZED",
    "VOLUME_ANOMALY",
    "HEALTH_ALERT",
    "HEALTH_RESTORED",
    "ESCALATED",
    "SLA_WARNING",
    "SLA_BREACHED",
    "INCIDENT_OPENED",
    "INCIDENT_UPDATED",
    "INCIDENT_RESOLVED",
    "CHANNEL_DISABLED",
    "SYNTHETIC_FAILED",
    "SYNTHETIC_PASSED",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("occasion")
                    .col(id())
                    // None for what concerns the operator alone.
                    .col(uuid_null("tenant_id"))
                    .col(text("kind"))
                    .col(uuid_null("integration_id"))
                    .col(uuid_null("run_id"))
                    .col(uuid_null("group_id"))
                    .col(uuid_null("failure_id"))
                    .col(uuid_null("incident_id"))
                    // Systems are deleted, and what was told of them stays.
                    .col(uuid_null("system_id"))
                    .col(text_null("code"))
                    .col(time("at"))
                    .col(json_binary("detail"))
                    .col(time_null("noticed_at"))
                    .foreign_key(&mut reference("occasion", "tenant_id", "tenant"))
                    .foreign_key(&mut tenant_reference("occasion", "integration_id", "integration"))
                    .foreign_key(&mut tenant_reference("occasion", "run_id", "run"))
                    .foreign_key(&mut tenant_reference("occasion", "failure_id", "failure"))
                    .check(one_of("occasion", "kind", &KINDS))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                // What nobody was told of yet, asked for every second.
                index("occasion", &["id"])
                    .name("ix_occasion_waiting")
                    .and_where(Expr::col("noticed_at").is_null())
                    .take(),
                index("occasion", &["noticed_at"]),
            ],
        )
        .await?;
        isolate(manager, "occasion", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("occasion").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Creates `incident`, an outage that hits several tenants, and `incident_system`, whom it hits. A tenant sees those
//! incidents that hit a system of its own.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{integer, json_binary, text, text_null, uuid};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{create_indexes, index, not_negative, one_of, reference, unique};
use crate::isolation::{isolate, isolate_by_member, open};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("incident")
                    .col(id())
                    .col(text_null("host"))
                    .col(text_null("connector"))
                    .col(text("fault"))
                    .col(text("status"))
                    .col(text("severity"))
                    .col(text("title"))
                    .col(text_null("public_message"))
                    .col(text_null("commander"))
                    .col(time("started_at"))
                    .col(time("detected_at"))
                    .col(time("status_at"))
                    .col(time_null("resolved_at"))
                    .col(time_null("over_at"))
                    .col(integer("system_count"))
                    .col(integer("tenant_count"))
                    .col(time_null("probe_at"))
                    .col(integer("probe_count"))
                    .col(time_null("drained_from"))
                    .col(integer("drained_count"))
                    .col(integer("drain_round"))
                    .col(text_null("postmortem"))
                    .col(json_binary("causes"))
                    .col(json_binary("follow_ups"))
                    .col(time_null("postmortem_at"))
                    .col(text_null("postmortem_by"))
                    .col(text_null("created_by"))
                    .check(one_of("incident", "fault", &["UNAVAILABLE", "RATE_LIMITED"]))
                    .check(one_of("incident", "severity", &["MINOR", "MAJOR", "CRITICAL"]))
                    .check(one_of(
                        "incident",
                        "status",
                        &["INVESTIGATING", "IDENTIFIED", "MONITORING", "RESOLVED"],
                    ))
                    .check(not_negative(
                        "incident",
                        ["system_count", "tenant_count", "probe_count", "drained_count", "drain_round"],
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("incident_system")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("incident_id"))
                    // Systems are deleted, and what hit them stays.
                    .col(uuid("system_id"))
                    .col(time("first_seen_at"))
                    .col(time_null("last_failed_at"))
                    .col(time_null("recovered_at"))
                    .col(time_null("taken_up_at"))
                    .col(time_null("resolved_at"))
                    .foreign_key(&mut reference("incident_system", "tenant_id", "tenant"))
                    .foreign_key(&mut reference("incident_system", "incident_id", "incident"))
                    .index(&mut unique("incident_system", &["incident_id", "system_id"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                // Two workers that find the same make one of it.
                index("incident", &["host", "fault"])
                    .name("uq_incident_open")
                    .unique()
                    .and_where(Expr::col("resolved_at").is_null())
                    .take(),
                // Asked for every second.
                index("incident", &["id"])
                    .name("ix_incident_under_way")
                    .and_where(Expr::col("over_at").is_null())
                    .take(),
                index("incident_system", &["tenant_id", "incident_id"]),
                index("incident_system", &["incident_id", "id"]),
                // Which incident a system is in now.
                index("incident_system", &["system_id"])
                    .name("ix_incident_system_open")
                    .and_where(Expr::col("resolved_at").is_null())
                    .take(),
            ],
        )
        .await?;
        isolate(manager, "incident_system", "tenant_id").await?;
        isolate_by_member(manager, "incident", "id", "incident_system", "incident_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        open(manager, "incident").await?;
        manager.drop_table(Table::drop().table("incident_system").to_owned()).await?;
        manager.drop_table(Table::drop().table("incident").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Creates `quarantine`: pages that the quality gate kept from being written.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, double, text, text_null, uuid, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{create_indexes, index, not_negative, one_of, tenant_reference, unique_in_tenant};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("quarantine")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(uuid("run_id"))
                    .col(text("stream"))
                    .col(text("status"))
                    .col(text("rule"))
                    .col(text_null("field"))
                    .col(double("measured"))
                    .col(double("allowed"))
                    .col(text("reason"))
                    .col(big_integer("record_count"))
                    .col(big_integer("judged_count"))
                    .col(big_integer("failed_count"))
                    .col(time("created_at"))
                    .col(time_null("decided_at"))
                    .col(text_null("decided_by"))
                    .col(text_null("note"))
                    .col(uuid_null("retry_id"))
                    .index(&mut unique_in_tenant("quarantine"))
                    .foreign_key(&mut tenant_reference("quarantine", "integration_id", "integration"))
                    .foreign_key(&mut tenant_reference("quarantine", "run_id", "run"))
                    .foreign_key(&mut tenant_reference("quarantine", "retry_id", "retry"))
                    .check(one_of("quarantine", "status", &["HELD", "RELEASED", "DISCARDED"]))
                    .check(one_of(
                        "quarantine",
                        "rule",
                        &["FAILED_RECORDS", "VOLUME_LOW", "VOLUME_HIGH", "NULL_RATE"],
                    ))
                    .check(not_negative("quarantine", ["record_count", "judged_count", "failed_count"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index("quarantine", &["tenant_id", "integration_id", "id"]),
                index("quarantine", &["tenant_id", "run_id", "id"]),
                index("quarantine", &["tenant_id", "status", "id"]),
                // Staff list those of every tenant.
                index("quarantine", &["status", "id"]),
            ],
        )
        .await?;
        isolate(manager, "quarantine", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("quarantine").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

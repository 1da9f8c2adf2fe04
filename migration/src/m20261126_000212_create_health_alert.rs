//! Creates `health_alert`: when an integration missed a target, and until when.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{double, text, uuid};
use sea_orm_migration::sea_query::{ConditionalStatement, Expr, ExprTrait, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
use crate::constraints::{create_indexes, index, one_of, tenant_reference, unique_in_tenant};
use crate::isolation::isolate;

const TABLE: &str = "health_alert";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("integration_id"))
                    .col(text("kind"))
                    .col(double("observed"))
                    .col(double("expected"))
                    .col(time("opened_at"))
                    .col(time_null("closed_at"))
                    .index(&mut unique_in_tenant(TABLE))
                    .foreign_key(&mut tenant_reference(TABLE, "integration_id", "integration"))
                    .check(one_of(TABLE, "kind", &["SUCCESS_RATE", "LATENCY", "FRESHNESS", "VOLUME"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index(TABLE, &["tenant_id", "integration_id", "id"]),
                index(TABLE, &["integration_id", "kind"])
                    .name("uq_health_alert_open")
                    .unique()
                    .and_where(Expr::col("closed_at").is_null())
                    .take(),
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

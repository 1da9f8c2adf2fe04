//! Creates `system_fault`: which systems attempts failed of, where those are, and when. Written only where an attempt fails.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{text, uuid, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{tenant_id, time};
use crate::constraints::{create_indexes, index, one_of, primary_key, reference};
use crate::isolation::isolate;

const TABLE: &str = "system_fault";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    // Systems are deleted; what is old is, too.
                    .col(uuid("system_id"))
                    .col(text("fault"))
                    .col(tenant_id())
                    .col(text("host"))
                    .col(text("connector"))
                    .col(time("first_seen_at"))
                    .col(time("last_seen_at"))
                    .col(uuid_null("tried_by_job_id"))
                    .primary_key(&mut primary_key(&["system_id", "fault"]))
                    .foreign_key(&mut reference(TABLE, "tenant_id", "tenant"))
                    .check(one_of(TABLE, "fault", &["UNAVAILABLE", "RATE_LIMITED"]))
                    .to_owned(),
            )
            .await?;
        // What failed in the last minutes is asked for every second.
        create_indexes(manager, [index(TABLE, &["last_seen_at"])]).await?;
        isolate(manager, TABLE, "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

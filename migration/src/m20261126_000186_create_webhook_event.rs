//! Creates `webhook_event`: what systems have sent, until it is read, and for some days more.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, binary, text_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time};
use crate::constraints::{not_negative, tenant_reference, unique};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("webhook_event")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("system_id"))
                    .col(big_integer("sequence"))
                    .col(text_null("event_id"))
                    .col(text_null("event_type"))
                    .col(time("received_at"))
                    .col(binary("sealed_body"))
                    .col(big_integer("size_bytes"))
                    .col(big_integer("end_bytes"))
                    .index(&mut unique("webhook_event", &["tenant_id", "system_id", "sequence"]))
                    // The same event is taken once, however many processes it is sent to at the same time.
                    .index(&mut unique("webhook_event", &["tenant_id", "system_id", "event_id"]))
                    .foreign_key(&mut tenant_reference("webhook_event", "system_id", "system"))
                    .check(not_negative("webhook_event", ["sequence", "size_bytes", "end_bytes"]))
                    .to_owned(),
            )
            .await?;
        isolate(manager, "webhook_event", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("webhook_event").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

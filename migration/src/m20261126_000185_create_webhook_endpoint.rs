//! Creates `webhook_endpoint`: where systems send events to, and how far their inboxes are.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, text, text_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, tenant_id, time, time_null};
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
                    .table("webhook_endpoint")
                    .col(id())
                    .col(tenant_id())
                    .col(uuid("system_id"))
                    .col(text("address"))
                    .col(text_null("previous_address"))
                    .col(time_null("previous_until"))
                    .col(big_integer("last_sequence"))
                    .col(big_integer("received_bytes"))
                    .col(big_integer("purged_sequence"))
                    .col(big_integer("purged_bytes"))
                    .col(time_null("last_received_at"))
                    .col(big_integer("refused_count"))
                    .col(time_null("last_refused_at"))
                    .col(text_null("last_refusal"))
                    .col(time("created_at"))
                    .index(&mut unique("webhook_endpoint", &["tenant_id", "system_id"]))
                    // A request says by its address alone whose it is.
                    .index(&mut unique("webhook_endpoint", &["address"]))
                    .index(&mut unique("webhook_endpoint", &["previous_address"]))
                    .foreign_key(&mut tenant_reference("webhook_endpoint", "system_id", "system"))
                    .check(not_negative(
                        "webhook_endpoint",
                        [
                            "last_sequence",
                            "received_bytes",
                            "purged_sequence",
                            "purged_bytes",
                            "refused_count",
                        ],
                    ))
                    .to_owned(),
            )
            .await?;
        isolate(manager, "webhook_endpoint", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("webhook_endpoint").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

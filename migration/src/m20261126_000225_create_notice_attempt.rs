//! Creates `notice_attempt`: each try to deliver a notice, and what came of it.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, integer_null, text, text_null, uuid, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{create_indexes, index, not_negative, one_of, reference, tenant_reference};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("notice_attempt")
                    .col(id())
                    // None for the operator's.
                    .col(uuid_null("tenant_id"))
                    .col(uuid("delivery_id"))
                    .col(time("at"))
                    .col(text("outcome"))
                    .col(big_integer("duration_ms"))
                    .col(integer_null("http_status"))
                    .col(text_null("response"))
                    .col(text_null("error"))
                    .foreign_key(&mut reference("notice_attempt", "tenant_id", "tenant"))
                    .foreign_key(&mut tenant_reference("notice_attempt", "delivery_id", "notice_delivery"))
                    .check(one_of("notice_attempt", "outcome", &["DELIVERED", "FAILED", "REFUSED"]))
                    .check(not_negative("notice_attempt", ["duration_ms"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("notice_attempt", &["delivery_id", "id"])]).await?;
        isolate(manager, "notice_attempt", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("notice_attempt").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

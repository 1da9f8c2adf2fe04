//! Creates `notice_subject`: what a channel was told of that is not over yet.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{text, uuid, uuid_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{create_indexes, index, reference, unique};
use crate::isolation::isolate;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("notice_subject")
                    .col(id())
                    // None for the operator's.
                    .col(uuid_null("tenant_id"))
                    .col(uuid("policy_id"))
                    .col(uuid("channel_id"))
                    .col(text("subject"))
                    .col(time("created_at"))
                    .index(&mut unique("notice_subject", &["subject", "policy_id", "channel_id"]))
                    .foreign_key(&mut reference("notice_subject", "tenant_id", "tenant"))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [
                index("notice_subject", &["policy_id"]),
                index("notice_subject", &["channel_id"]),
                // What was told long ago is forgotten.
                index("notice_subject", &["created_at"]),
            ],
        )
        .await?;
        isolate(manager, "notice_subject", "tenant_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("notice_subject").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

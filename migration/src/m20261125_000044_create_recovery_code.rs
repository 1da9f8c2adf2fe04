//! Creates `recovery_code`: what stands in for a lost second factor, each once.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{time, time_null};
use crate::constraints::{primary_key, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("recovery_code")
                    .col(uuid("user_id"))
                    .col(blob("code_hash"))
                    .col(time("created_at"))
                    .col(time_null("used_at"))
                    .primary_key(&mut primary_key(&["user_id", "code_hash"]))
                    .foreign_key(&mut reference("recovery_code", "user_id", "user"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("recovery_code").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Creates `external_identity`: which of our users somebody at an identity provider is.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::time;
use crate::constraints::{create_indexes, index, primary_key, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("external_identity")
                    .col(uuid("provider_id"))
                    .col(text("subject"))
                    .col(uuid("user_id"))
                    .col(time("created_at"))
                    .primary_key(&mut primary_key(&["provider_id", "subject"]))
                    .foreign_key(&mut reference("external_identity", "provider_id", "identity_provider"))
                    .foreign_key(&mut reference("external_identity", "user_id", "user"))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("external_identity", &["user_id"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("external_identity").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

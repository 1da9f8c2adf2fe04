//! Creates `sign_on_attempt`: who is at an identity provider now and may come back.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob, text, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::{create_indexes, index, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("sign_on_attempt")
                    .col(id())
                    .col(uuid("provider_id"))
                    .col(blob("state_hash"))
                    .col(blob("secret_hash"))
                    .col(text("redirect_uri"))
                    .col(time("created_at"))
                    .col(time("expires_at"))
                    .foreign_key(&mut reference("sign_on_attempt", "provider_id", "identity_provider"))
                    .to_owned(),
            )
            .await?;
        create_indexes(
            manager,
            [index("sign_on_attempt", &["expires_at"]), index("sign_on_attempt", &["provider_id"])],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("sign_on_attempt").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

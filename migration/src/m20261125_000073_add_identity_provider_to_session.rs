//! Adds to `session` by which identity provider it began. No foreign key: SQLite adds none to a table that is there.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::uuid_null;
use sea_orm_migration::sea_query::{Index, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::constraints::{create_indexes, index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = uuid_null("identity_provider_id");
        manager.alter_table(Table::alter().table("session").add_column(column).to_owned()).await?;
        create_indexes(manager, [index("session", &["identity_provider_id"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = "ix_session_identity_provider_id";
        manager.drop_index(Index::drop().name(name).table("session").to_owned()).await?;
        manager
            .alter_table(Table::alter().table("session").drop_column("identity_provider_id").to_owned())
            .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Adds to `session` when, from where and with what it was last used, and an index in the order in which a person
//! lists their sessions. It takes the place of the index on the user alone.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::text_null;
use sea_orm_migration::sea_query::{Index, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::time_null;
use crate::constraints::{create_indexes, index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in [time_null("last_used_at"), text_null("address"), text_null("user_agent")] {
            manager.alter_table(Table::alter().table("session").add_column(column).to_owned()).await?;
        }
        create_indexes(manager, [index("session", &["user_id", "id"])]).await?;
        drop_index(manager, "ix_session_user_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_indexes(manager, [index("session", &["user_id"])]).await?;
        drop_index(manager, "ix_session_user_id_id").await?;
        for column in ["user_agent", "address", "last_used_at"] {
            manager.alter_table(Table::alter().table("session").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn drop_index(manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).table("session").to_owned()).await
}

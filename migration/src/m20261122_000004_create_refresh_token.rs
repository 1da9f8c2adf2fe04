//! Creates `refresh_token`: each is used once.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob, uuid};
use sea_orm_migration::sea_query::{ForeignKeyAction, Table};
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{create_indexes, index, reference, unique};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("refresh_token")
                    .col(id())
                    .col(uuid("session_id"))
                    .col(blob("secret_hash"))
                    .col(time("created_at"))
                    .col(time_null("used_at"))
                    .index(&mut unique("refresh_token", &["secret_hash"]))
                    // Tokens go with their session.
                    .foreign_key(
                        reference("refresh_token", "session_id", "session")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("refresh_token", &["session_id"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("refresh_token").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

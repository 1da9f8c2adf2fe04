//! Creates `session`: signed-in users' families of refresh tokens.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{text_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{create_indexes, index, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("session")
                    .col(id())
                    .col(uuid("user_id"))
                    .col(time("created_at"))
                    .col(time("expires_at"))
                    .col(time_null("ended_at"))
                    .col(text_null("end_reason"))
                    .foreign_key(&mut reference("session", "user_id", "user"))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("session", &["user_id"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("session").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

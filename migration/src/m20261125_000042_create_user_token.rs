//! Creates `user_token`: tokens of mails that work once, for a new password or a new mail address.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{blob, text, text_null, uuid};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time, time_null};
use crate::constraints::{create_indexes, index, one_of, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("user_token")
                    .col(id())
                    .col(uuid("user_id"))
                    .col(text("purpose"))
                    .col(text_null("email"))
                    .col(blob("secret_hash"))
                    .col(time("created_at"))
                    .col(time("expires_at"))
                    .col(time_null("used_at"))
                    .foreign_key(&mut reference("user_token", "user_id", "user"))
                    .check(one_of("user_token", "purpose", &["PASSWORD_RESET", "EMAIL_CONFIRMATION"]))
                    .to_owned(),
            )
            .await?;
        let indexes = [index("user_token", &["user_id"]), index("user_token", &["expires_at"])];
        create_indexes(manager, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("user_token").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

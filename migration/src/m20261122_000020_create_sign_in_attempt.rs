//! Creates `sign_in_attempt`: failed sign-ins of an account or an address, counted so that guessing is slow.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::{big_integer, blob, text};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{time, time_null};
use crate::constraints::{create_indexes, index, not_negative, one_of, primary_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("sign_in_attempt")
                    .col(text("kind"))
                    .col(blob("key_hash"))
                    .col(big_integer("failed_count"))
                    .col(time("first_failed_at"))
                    .col(time_null("locked_until"))
                    .primary_key(&mut primary_key(&["kind", "key_hash"]))
                    .check(one_of("sign_in_attempt", "kind", &["ACCOUNT", "ADDRESS"]))
                    .check(not_negative("sign_in_attempt", ["failed_count"]))
                    .to_owned(),
            )
            .await?;
        create_indexes(manager, [index("sign_in_attempt", &["first_failed_at"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("sign_in_attempt").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

//! Creates `word_override`: messages of the product in the operator's own words.

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::schema::text;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

use crate::columns::{id, time};
use crate::constraints::unique;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("word_override")
                    .col(id())
                    .col(text("message"))
                    .col(text("locale"))
                    .col(text("text"))
                    .col(time("set_at"))
                    .col(text("set_by"))
                    .index(&mut unique("word_override", &["message", "locale"]))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("word_override").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
